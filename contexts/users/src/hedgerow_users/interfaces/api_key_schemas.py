"""What goes over the wire about API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from hedgerow_core.http import HttpModel
from hedgerow_users.application.api_key_view import ApiKeyView, NewApiKey
from hedgerow_users.domain import name
from hedgerow_users.domain.api_key import DEFAULT_LIFETIME_DAYS, MAX_GRACE, MAX_LIFETIME_DAYS, MOST_SCOPES
from hedgerow_users.interfaces.schemas import Body

MAX_GRACE_HOURS = MAX_GRACE // timedelta(hours=1)
_PREFIX_EXAMPLE = "hgk_4fQ9xW2b"

Scope = Annotated[str, Field(min_length=1, max_length=200)]


class NewApiKeyBody(Body):
    """What a key shall be called, made for, and how long it is good."""

    name: str = Field(min_length=1, max_length=name.MAX_LENGTH, examples=["Nightly report"])
    scopes: Sequence[Scope] = Field(
        min_length=1,
        max_length=MOST_SCOPES,
        description="`<context>:read`, `<context>:write`, or permissions that you have yourself.",
        examples=[["billing:read", "billing:invoice:read"]],
    )
    expires_in_days: int = Field(
        default=DEFAULT_LIFETIME_DAYS, ge=1, le=MAX_LIFETIME_DAYS, description="90 unless told, 366 at most."
    )


class RotationBody(Body):
    """How long the old key goes on working."""

    grace_hours: int = Field(
        default=0, ge=0, le=MAX_GRACE_HOURS, description="None unless told, and seven days at most."
    )


class ApiKeyAnswer(HttpModel):
    """A key, without the key."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    prefix: str = Field(description="How it begins: what it is recognised by.", examples=[_PREFIX_EXAMPLE])
    scopes: Sequence[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = Field(description="To the minute; null if it never was.")
    rotated_from: UUID | None = Field(description="The key that it replaces.")

    @classmethod
    def of(cls, key: ApiKeyView) -> ApiKeyAnswer:
        """The answer that shows this key."""
        return cls.model_validate(key)


class NewApiKeyAnswer(ApiKeyAnswer):
    """A key that has just been made. Nobody sees it a second time."""

    key: str = Field(description="Send it as `Authorization: Bearer hgk_…`. Shown this once.")

    @classmethod
    def of_new(cls, made: NewApiKey) -> NewApiKeyAnswer:
        """The answer that hands it out."""
        return cls(**ApiKeyAnswer.of(made.view).model_dump(), key=made.key.reveal())
