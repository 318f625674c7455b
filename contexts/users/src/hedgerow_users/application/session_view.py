"""What an owner sees of a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A live session. `last_seen_at` is its login or its last refresh, whichever is later."""

    id: UUID
    started_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    """When it ends, however often it is refreshed."""
    user_agent: str
    network: str | None
