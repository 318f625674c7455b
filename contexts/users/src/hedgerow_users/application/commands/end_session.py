"""End one session: an owner shuts out a device, which need not be the one in hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Command, RowScope
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.session import EndReason, SessionId
from hedgerow_users.domain.session_errors import SessionNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(Command[None]):
    """End a session of one's own."""

    account_id: UUID
    session_id: UUID


@final
class EndSessionHandler:
    """Ends the session if it is the caller's and still alive. Other people's sessions don't exist for a caller."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: EndSession, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            SessionNotFound: it is over, somebody else's, or never was.
        """
        session = await work.sessions.hold(SessionId(command.session_id), RowScope(command.account_id))
        if session is None or session.is_over:
            raise SessionNotFound
        session.end(EndReason.REVOKED, at=self._clock.now())
        await work.sessions.save(session)
