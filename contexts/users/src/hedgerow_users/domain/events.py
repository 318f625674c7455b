"""What happens to accounts."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field before and after, in what JSON can say."""

    old: object
    new: object


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(DomainEvent):
    """Something about an account is different. Published; secrets are never among the changes."""

    user_id: UUID
    changes: Mapping[str, Change]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(DomainEvent):
    """An account is closed until somebody opens it again. Published."""

    user_id: UUID
    deactivated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(DomainEvent):
    """A closed account is open again. Published."""

    user_id: UUID
    reactivated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(DomainEvent):
    """An account is gone: its id stays, and nothing else. Published."""

    user_id: UUID
    deleted_at: datetime
