"""Which of our domain events leave the context, and as what."""

from __future__ import annotations

from hedgerow_core.messaging import Translations
from hedgerow_users.contracts import UserRegisteredV1
from hedgerow_users.domain.events import UserRegistered


def _user_registered(event: UserRegistered) -> UserRegisteredV1:
    return UserRegisteredV1(
        user_id=event.user_id, email=event.email, name=event.name, registered_at=event.registered_at
    )


TRANSLATIONS: Translations = {UserRegistered: _user_registered}
"""An event that is not listed stays inside."""
