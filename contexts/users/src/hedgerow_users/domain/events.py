"""What happens to accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_core.domain import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(DomainEvent):
    """Somebody opened an account. Published."""

    user_id: UUID
    email: str
    name: str
    registered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(DomainEvent):
    """An account has another password. Stays inside this context."""

    user_id: UUID
    changed_at: datetime
