"""Hints: "something is due over there". They may be lost, doubled or late; the ledger alone knows what is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

IN_PROCESS_DRAINS = 8
"""Drains that an in-process worker runs at the same time; more than the pool has connections would only wait."""
FINISH_WITHIN_S = 10.0
"""What still runs this long after the end was asked for is cancelled: its deliveries are tried again later."""


@dataclass(frozen=True, slots=True)
class Hint:
    """Where something is due: a partition of a subscription of a context."""

    context: str
    subscription: str
    partition: int


class Hints(Protocol):
    """The way from the dispatcher to a drain: a broker, or the process itself."""

    async def send(self, *hints: Hint) -> None:
        """Pass the hints on.

        Raises:
            ConnectionError: the broker is away. Nothing is lost: the dispatcher will find the work again.
        """
        ...


class InProcessHints:
    """Runs drains in this very process: the worker of `hedgerow dev`. Needs no broker."""

    def __init__(self, drain: Callable[[Hint], Awaitable[None]]) -> None:
        self._drain = drain
        self._slots = asyncio.Semaphore(IN_PROCESS_DRAINS)
        self._waiting: set[Hint] = set()
        self._running: set[asyncio.Task[None]] = set()

    async def send(self, *hints: Hint) -> None:
        """Have a drain run for each, as soon as one of the slots is free; returns at once."""
        for hint in hints:
            if hint in self._waiting:
                continue
            self._waiting.add(hint)
            running = asyncio.create_task(self._drain_in_a_slot(hint))
            self._running.add(running)
            running.add_done_callback(self._running.discard)

    async def finish(self) -> None:
        """Let the running drains come to an end, but not for longer than `FINISH_WITHIN_S`."""
        if not self._running:
            return
        _done, late = await asyncio.wait(self._running, timeout=FINISH_WITHIN_S)
        for drain in late:
            drain.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _drain_in_a_slot(self, hint: Hint) -> None:
        async with self._slots:
            self._waiting.discard(hint)
            await self._drain(hint)
