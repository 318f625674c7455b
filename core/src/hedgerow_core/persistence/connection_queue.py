"""Who wants a connection: each gets a turn, in the order in which they came.

A pool gives what comes free to whoever asks in that moment, and whom it woke waits again, behind the others. Under
load somebody always asks: some then waited in vain for as long as they may, while others did not wait at all.
"""

from __future__ import annotations

import asyncio
from typing import Self, final

from sqlalchemy.exc import TimeoutError as NoConnection


@final
class ConnectionQueue:
    """As many turns as there are connections: `async with` it around all that is done with one."""

    __slots__ = ("_free", "_wait_s", "waiting")

    def __init__(self, turns: int, wait_s: float) -> None:
        self._free = asyncio.Semaphore(turns)
        self._wait_s = wait_s
        self.waiting = 0
        """How many wait, for a connection to come free or to be opened."""

    async def __aenter__(self) -> Self:
        """Wait for a turn.

        Raises:
            sqlalchemy.exc.TimeoutError: none came in time.
        """
        if not self._free.locked():
            await self._free.acquire()
            return self
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise NoConnection(f"no connection came free within {self._wait_s} s") from error
        finally:
            self.waiting -= 1
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let the next have it."""
        self._free.release()
