"""Hints: "something is due over there". They may be lost, doubled or late; the ledger alone knows what is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

IN_PROCESS_DRAINS = 8
"""Drains that an in-process worker runs at the same time; more than the pool has connections would only wait."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Where something is due: a partition of a subscription of a context."""

    context: str
    subscription: str
    partition: int


class Hints(Protocol):
    """The way from the dispatcher to a drain: a broker, or the process itself."""

    async def send(self, hint: Hint) -> None:
        """Pass the hint on.

        Raises:
            ConnectionError: the broker is away. Nothing is lost: the dispatcher will find the work again.
        """
        ...


class InProcessHints:
    """Runs drains in this very process: the worker of `hedgerow dev`. Needs no broker."""

    def __init__(self, drain: Callable[[Hint], Awaitable[None]]) -> None:
        self._drain = drain
        self._slots = asyncio.Semaphore(IN_PROCESS_DRAINS)
        self._running: set[asyncio.Task[None]] = set()

    async def send(self, hint: Hint) -> None:
        """Start a drain, as soon as one of the slots is free."""
        await self._slots.acquire()
        running = asyncio.create_task(self._drain_and_free(hint))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Wait for the drains that are running."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _drain_and_free(self, hint: Hint) -> None:
        try:
            await self._drain(hint)
        finally:
            self._slots.release()
