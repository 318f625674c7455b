"""What this context publishes: primitives only. Nobody imports this file; names and schemas travel."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from hedgerow_core.messaging import EventContract
from hedgerow_core.questions import AnswerContract, QueryContract


class UserRegisteredV1(EventContract):
    """Somebody opened an account."""

    event_type: ClassVar[str] = "users.user_registered"
    event_version: ClassVar[int] = 1

    user_id: UUID
    email: str
    name: str
    registered_at: datetime


class ChangeV1(BaseModel):
    """One field before and after; null is what nobody has told."""

    model_config = ConfigDict(frozen=True)

    old: JsonValue
    new: JsonValue


class UserUpdatedV1(EventContract):
    """Something about an account is different: email, email_verified, name, roles, or a part of the profile."""

    event_type: ClassVar[str] = "users.user_updated"
    event_version: ClassVar[int] = 1

    user_id: UUID
    changes: dict[str, ChangeV1]
    """`{field: {old, new}}` of `email`, `email_verified`, `name`, `roles`, `phone`, `address`, `birthday`,
    `photo_url`, `metadata`; never a secret.
    """
    updated_at: datetime


class UserDeactivatedV1(EventContract):
    """An account is closed until it is reactivated."""

    event_type: ClassVar[str] = "users.user_deactivated"
    event_version: ClassVar[int] = 1

    user_id: UUID
    deactivated_at: datetime


class UserReactivatedV1(EventContract):
    """A closed account is open again."""

    event_type: ClassVar[str] = "users.user_reactivated"
    event_version: ClassVar[int] = 1

    user_id: UUID
    reactivated_at: datetime


class UserDeletedV1(EventContract):
    """An account is gone. Whoever keeps a copy of it forgets what is personal in it."""

    event_type: ClassVar[str] = "users.user_deleted"
    event_version: ClassVar[int] = 1

    user_id: UUID
    deleted_at: datetime


class UserV1(AnswerContract):
    """An account as other contexts may know it. Of a deleted one nothing personal is left."""

    user_id: UUID
    email: str
    email_verified: bool
    name: str
    status: Literal["active", "deactivated", "deleted"]
    registered_at: datetime


class GetUserV1(QueryContract):
    """The account of an id, whatever its standing; `users.account_not_found` if there never was one."""

    query_name: ClassVar[str] = "users.get_user"
    query_version: ClassVar[int] = 1
    answer: ClassVar[type[AnswerContract]] = UserV1
    repeatable: ClassVar[bool] = True

    user_id: UUID


PUBLISHED: tuple[type[EventContract], ...] = (
    UserRegisteredV1,
    UserUpdatedV1,
    UserDeactivatedV1,
    UserReactivatedV1,
    UserDeletedV1,
)
