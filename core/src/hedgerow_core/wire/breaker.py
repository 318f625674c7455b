"""Leaves a host alone that has failed several times running, and lets one try through at a time until it answers.

What opens and closes is purgatory's state machine; ours is only that of several who try at once, one goes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import final

from purgatory import AsyncCircuitBreakerFactory, ContextChanged, Event
from purgatory.domain.model import CLOSED, HALF_OPENED, OPENED, OpenedState

from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import REMOTE_CUT_OFF
from hedgerow_core.wire.peer_errors import PeerCutOff

FAILURES = 5
"""So many, one after the other, are no coincidence."""
OPEN_FOR_S = 2.0
"""Then somebody tries again. Short: a host that starts again is back within seconds, and one try costs little."""

_log = log_of(__name__)


@final
class Breaker:
    """The breaker of one remote context. Belongs to one event loop."""

    def __init__(self, context: str, *, failures: int = FAILURES, open_for_s: float = OPEN_FOR_S) -> None:
        self._context = context
        self._open_for_s = open_for_s
        self._factory = AsyncCircuitBreakerFactory(default_threshold=failures, default_ttl=open_for_s)
        self._factory.add_listener(self._tell)
        self._probing = False
        self.is_cut_off = False
        """Since it has failed several times running, and until it answers again."""
        REMOTE_CUT_OFF.labels(context).set(0)

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[None]:
        """Surround one try. Whatever it raises is a failure, but for its cancellation, which says nothing.

        Raises:
            PeerCutOff: nobody shall try right now.
        """
        breaker = await self._factory.get_breaker(self._context)
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

    def _left_alone(self, seconds: float) -> PeerCutOff:
        return PeerCutOff(self._context, retry_after=timedelta(seconds=max(0.0, seconds)))

    def _tell(self, _name: str, _happened: str, event: Event) -> None:
        if not isinstance(event, ContextChanged):
            return
        if event.state == OPENED and not self.is_cut_off:
            self._settle(True)
            _log.warning("remote_cut_off", context=self._context, for_s=self._open_for_s)
        elif event.state == CLOSED:
            self._settle(False)
            _log.info("remote_back", context=self._context)

    def _settle(self, is_cut_off: bool) -> None:
        self.is_cut_off = is_cut_off
        REMOTE_CUT_OFF.labels(self._context).set(is_cut_off)
