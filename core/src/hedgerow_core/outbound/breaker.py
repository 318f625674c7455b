"""Leaves somebody alone who has failed several times running, and lets one try through at a time until it answers.

What opens and closes is purgatory's state machine; ours is only that of several who try at once, one goes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from purgatory import AsyncCircuitBreakerFactory, Event

FAILURES = 5
"""So many, one after the other, are no coincidence."""
OPEN_FOR_S = 2.0
"""Then somebody tries again. Short: who starts again is back within seconds, and one try costs little."""


class CircuitOpen(Exception):
    """Nobody has tried: it has failed several times running, and is left alone for a while."""

    def __init__(self, name: str, retry_after: timedelta) -> None:
        super().__init__(f"{name} has failed several times running, and is left alone for a while")
        self.retry_after = retry_after


@final
class CircuitBreaker:
    """The breaker of one server. Belongs to one event loop."""

    def __init__(
        self,
        name: str,
        *,
        changed: Callable[[bool], None],
        failures: int = FAILURES,
        open_for_s: float = OPEN_FOR_S,
        answers: tuple[type[Exception], ...] = (),
    ) -> None:
        """`changed` is told True when nobody is let through any more, and False when everybody is again.

        Exceptions of the kinds `answers` say that somebody is there: they are no failures.
        """
        self._name = name
        self._changed = changed
        self._failures = failures
        self._open_for_s = open_for_s
        self._answers = answers
        self._probing = False
        self.is_open = False
        """Since it has failed several times running, and until it answers again."""

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[None]:
        """Surround one try. Whatever it raises is a failure, but for `answers`, and its cancellation says nothing.

        Raises:
            CircuitOpen: nobody shall try right now.
        """
        from purgatory.domain.model import HALF_OPENED, OpenedState

        breaker = await self._factory.get_breaker(self._name)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(breaker)
            except OpenedState as opened:
                raise self._left_alone(opened.opened_at + self._open_for_s - time.time()) from None
            probes = breaker.context.state == HALF_OPENED
            if probes and self._probing:
                stack.pop_all()
                raise self._left_alone(self._open_for_s)
            self._probing |= probes
            try:
                yield
            except asyncio.CancelledError:
                stack.pop_all()  # who has asked has gone
                raise
            finally:
                self._probing &= not probes

    @cached_property
    def _factory(self) -> AsyncCircuitBreakerFactory:
        """Made with the first try, and its library imported (10 ms): many hosts call nobody."""
        from purgatory import AsyncCircuitBreakerFactory

        made = AsyncCircuitBreakerFactory(
            default_threshold=self._failures, default_ttl=self._open_for_s, exclude=list(self._answers)
        )
        made.add_listener(self._tell)
        return made

    def _left_alone(self, seconds: float) -> CircuitOpen:
        return CircuitOpen(self._name, timedelta(seconds=max(0.0, seconds)))

    def _tell(self, _name: str, _happened: str, event: Event) -> None:
        from purgatory import ContextChanged
        from purgatory.domain.model import CLOSED, OPENED

        if not isinstance(event, ContextChanged):
            return
        if event.state == OPENED and not self.is_open:
            self._settle(True)
        elif event.state == CLOSED:
            self._settle(False)

    def _settle(self, is_open: bool) -> None:
        self.is_open = is_open
        self._changed(is_open)
