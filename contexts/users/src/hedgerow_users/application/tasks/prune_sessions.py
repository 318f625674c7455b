"""Forget sessions that are over, and refresh tokens that have expired: nobody asks for them any more.

An ended session is kept for a month, because it says when and why somebody lost access. A used refresh token is
kept until it would have expired: so long, a second use of it is a theft that we notice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, final

from hedgerow_core.application import Task
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork

KEEP_SESSIONS = timedelta(days=30)
"""After their end, whatever ended them."""
KEEP_TOKENS = timedelta(days=1)
"""After they have expired: clocks differ."""
AT_ONCE = 5_000
"""Rows a transaction, of each kind: it stays short. If there is more, the next batch follows at once."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PruneSessions(Task):
    """Made by the clock, and by itself while there is more to do."""

    name: ClassVar[str] = "users.prune_sessions"

    tick: datetime
    batch: int = 1


@final
class PruneSessionsHandler:
    """Deletes one batch. Several at a time pass each other by."""

    def __init__(self, clock: Clock, session_lifetime: timedelta) -> None:
        self._clock = clock
        self._session_lifetime = session_lifetime

    async def __call__(self, task: PruneSessions, work: UsersUnitOfWork) -> None:
        """Handle the task."""
        now = self._clock.now()
        ended_before = now - KEEP_SESSIONS
        sessions = await work.sessions.prune(
            ended_before=ended_before, started_before=ended_before - self._session_lifetime, at_most=AT_ONCE
        )
        tokens = await work.sessions.prune_tokens(expired_before=now - KEEP_TOKENS, at_most=AT_ONCE)
        if AT_ONCE in (sessions, tokens):
            following = replace(task, batch=task.batch + 1)
            await work.tasks.enqueue(following, key=f"{task.tick.isoformat()}/{following.batch}")
