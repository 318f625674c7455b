"""One after the other: what a dead worker left behind is tried alone in its process, for it may be what killed it.

All that a process held falls due again at the same moment. Tried side by side, a delivery that kills its process
would take the same neighbours with it every time, until their attempts are used up, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

ALONE_FOR_S = 4.0
"""Who has waited this long goes on beside the others: orphans are recovered in 10 s even behind a slow one."""


class Recovery:
    """The one place in a process where orphans are tried. Shared by the drains of all its contexts."""

    def __init__(self) -> None:
        self._taken = asyncio.Lock()

    @asynccontextmanager
    async def one_at_a_time(self) -> AsyncIterator[None]:
        """Run the body after those who came before, but wait no longer than `ALONE_FOR_S` for them."""
        try:
            async with asyncio.timeout(ALONE_FOR_S):
                await self._taken.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            self._taken.release()
