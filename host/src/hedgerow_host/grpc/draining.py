"""How a server ends: what has begun is let end, and what comes meanwhile is told to go to another process.

gRPC's own `stop` turns callers away with CANCELLED, which no client tries again, and in one of ten stops of a busy
server left a call that arrived in the same instant without an answer until the grace was over (grpcio 1.85). So it
comes last, when nothing runs any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, final

import grpc.aio

from hedgerow_core.domain import UnavailableError

ENDS_WITHIN_S = 10.0
"""As long as HTTP requests get. What still runs then is cancelled."""
LAST_WORDS_S = 1.0
"""An answer that is given is not yet sent."""
COME_BACK_AFTER = timedelta(seconds=1)

Answer = Callable[[AsyncIterator[bytes], grpc.aio.ServicerContext[Any, Any]], Awaitable[bytes]]


@final
class Doors:
    """Counts the calls that are in, and lets nobody in any more once it is closed."""

    def __init__(self) -> None:
        self.closed = False
        self._inside = 0
        self._empty = asyncio.Event()

    def counting(self, answer: Answer) -> Answer:
        """`answer`, counted."""

        async def counted(sent: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
            self._inside += 1
            try:
                return await answer(sent, context)
            finally:
                self._inside -= 1
                if self.closed and not self._inside:
                    self._empty.set()

        return counted

    async def close(self) -> None:
        """Let nobody in, and wait until all are out: 10 s at most."""
        self.closed = True
        if self._inside:
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await self._empty.wait()


def shutting_down() -> UnavailableError:
    """What is said to who comes while a process ends."""
    return UnavailableError(
        "This process is about to end. Send it again: another one takes it.",
        code="shutting_down",
        retry_after=COME_BACK_AFTER,
    )
