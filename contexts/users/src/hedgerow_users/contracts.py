"""What this context publishes: primitives only. Nobody imports this file; names and schemas travel."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from hedgerow_core.messaging import EventContract


class UserRegisteredV1(EventContract):
    """Somebody opened an account."""

    event_type: ClassVar[str] = "users.user_registered"
    event_version: ClassVar[int] = 1

    user_id: UUID
    email: str
    name: str
    registered_at: datetime
