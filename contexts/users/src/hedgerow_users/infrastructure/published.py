"""Which of our domain events leave the context, and as what."""

from __future__ import annotations

from pydantic import TypeAdapter

from hedgerow_core.messaging import Translations
from hedgerow_users.contracts import (
    ChangeV1,
    UserDeactivatedV1,
    UserDeletedV1,
    UserReactivatedV1,
    UserRegisteredV1,
    UserUpdatedV1,
)
from hedgerow_users.domain.events import (
    UserDeactivated,
    UserDeleted,
    UserReactivated,
    UserRegistered,
    UserUpdated,
)

_CHANGES = TypeAdapter(dict[str, ChangeV1])


def _user_registered(event: UserRegistered) -> UserRegisteredV1:
    return UserRegisteredV1(
        user_id=event.user_id, email=event.email, name=event.name, registered_at=event.registered_at
    )


def _user_updated(event: UserUpdated) -> UserUpdatedV1:
    changes = {field: {"old": change.old, "new": change.new} for field, change in event.changes.items()}
    return UserUpdatedV1(
        user_id=event.user_id, changes=_CHANGES.validate_python(changes), updated_at=event.updated_at
    )


def _user_deactivated(event: UserDeactivated) -> UserDeactivatedV1:
    return UserDeactivatedV1(user_id=event.user_id, deactivated_at=event.deactivated_at)


def _user_reactivated(event: UserReactivated) -> UserReactivatedV1:
    return UserReactivatedV1(user_id=event.user_id, reactivated_at=event.reactivated_at)


def _user_deleted(event: UserDeleted) -> UserDeletedV1:
    return UserDeletedV1(user_id=event.user_id, deleted_at=event.deleted_at)


TRANSLATIONS: Translations = {
    UserRegistered: _user_registered,
    UserUpdated: _user_updated,
    UserDeactivated: _user_deactivated,
    UserReactivated: _user_reactivated,
    UserDeleted: _user_deleted,
}
"""An event that is not listed stays inside."""
