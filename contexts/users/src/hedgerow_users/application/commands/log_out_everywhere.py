"""Log out everywhere: every session of an account ends, the caller's own included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.session import EndReason


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogOutEverywhere(Command[None]):
    """End all sessions of an account."""

    account_id: UUID


@final
class LogOutEverywhereHandler:
    """Ends whatever is alive; nothing alive is fine, too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: LogOutEverywhere, work: UsersUnitOfWork) -> None:
        """Handle the command."""
        await work.sessions.end_all(
            AccountId(command.account_id), EndReason.LOGGED_OUT_EVERYWHERE, at=self._clock.now()
        )
