"""Runs one command handler in a transaction of its own, for who has no bus: the check of tokens, before any route.

What it records leaves with the commit, as on the bus; a relay finds it when it looks next, a tenth of a second on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_users.infrastructure.work import UsersWork

Message = TypeVar("Message")
Result = TypeVar("Result")


class OwnTransaction(Generic[Message, Result]):
    """Calls the handler with an open unit of work; returns after the commit."""

    def __init__(
        self,
        database: Database,
        work: Callable[..., UsersWork],
        handle: Callable[[Message, UsersWork], Awaitable[Result]],
    ) -> None:
        self._database = database
        self._work = work
        self._handle = handle

    async def __call__(self, message: Message) -> Result:
        """Run it."""
        async with unit_of_work(self._database, self._work, _nobody_waits) as work:
            return await self._handle(message, work)


def _nobody_waits() -> None:
    """There is nobody to wake."""
