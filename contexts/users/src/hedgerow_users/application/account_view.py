"""What the owner of an account sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account without its secrets."""

    id: UUID
    email: str
    name: str
    roles: tuple[str, ...]
    created_at: datetime
    version: int
