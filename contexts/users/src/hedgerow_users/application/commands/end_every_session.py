"""End every session of everybody: what an operator does who doesn't know yet how far a theft goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.session import EndReason

SHUT_FOR = timedelta(seconds=5)
"""Access tokens of the next seconds are refused as well: one may be signed right after its session has ended, or by
a clock that is ahead. Who logs in meanwhile refreshes, or logs in again."""


@final
@dataclass(frozen=True, slots=True)
class EndEverySession(Command[int]):
    """Answers with how many there were. No route leads here."""


@final
class EndEverySessionHandler:
    """One statement, however many sessions there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: EndEverySession, work: UsersUnitOfWork) -> int:
        """Handle the command."""
        now = self._clock.now()
        return await work.sessions.end_everybody(EndReason.REVOKED, at=now, not_before=now + SHUT_FOR)
