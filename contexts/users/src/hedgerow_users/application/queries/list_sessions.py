"""The sessions of whoever asks: where they are logged in, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final
from uuid import UUID

from hedgerow_core.application import Page, Query
from hedgerow_core.domain import Clock
from hedgerow_users.application.session_ports import SessionReader
from hedgerow_users.application.session_view import SessionView


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions(Query[Page[SessionView]]):
    """A page of somebody's live sessions, the latest login first."""

    account_id: UUID
    limit: int
    cursor: str | None = None


@final
class ListSessionsHandler:
    """One statement. A session whose refresh token has run out is over, though nobody has ended it."""

    def __init__(
        self,
        sessions: SessionReader,
        clock: Clock,
        refresh_token_lifetime: timedelta,
        session_lifetime: timedelta,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._may_rest = refresh_token_lifetime
        self._lifetime = session_lifetime

    async def __call__(self, query: ListSessions) -> Page[SessionView]:
        """Answer the query.

        Raises:
            ValidationError: the cursor is not one of this list.
        """
        now = self._clock.now()
        return await self._sessions.list_live(
            query.account_id,
            seen_after=now - self._may_rest,
            at=now,
            lifetime=self._lifetime,
            cursor=query.cursor,
            limit=query.limit,
        )
