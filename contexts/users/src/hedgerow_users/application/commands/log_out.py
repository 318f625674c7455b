"""Log out: the session of a refresh token ends. Who logs out never learns whether the token was any good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.session import EndReason, RefreshToken


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogOut(Command[None]):
    """End the session that the token belongs to. A used or expired token still names its session."""

    refresh_token: Secret


@final
class LogOutHandler:
    """Ends the session, if there is one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: LogOut, work: UsersUnitOfWork) -> None:
        """Handle the command."""
        session = await work.sessions.hold_family(RefreshToken.hash_of(command.refresh_token))
        if session is None:
            return
        session.end(EndReason.LOGOUT, at=self._clock.now())
        await work.sessions.save(session)
