"""Leaves the host of a remote context alone that has failed several times running, until it answers again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import REMOTE_CUT_OFF
from hedgerow_core.outbound import CircuitBreaker, CircuitOpen
from hedgerow_core.outbound.breaker import FAILURES, OPEN_FOR_S
from hedgerow_core.wire.peer_errors import PeerCutOff

_log = log_of(__name__)


@final
class Breaker:
    """The breaker of one remote context. Belongs to one event loop."""

    def __init__(self, context: str, *, failures: int = FAILURES, open_for_s: float = OPEN_FOR_S) -> None:
        self._context = context
        self._open_for_s = open_for_s
        self._circuit = CircuitBreaker(context, changed=self._tell, failures=failures, open_for_s=open_for_s)
        REMOTE_CUT_OFF.labels(context).set(0)

    @property
    def is_cut_off(self) -> bool:
        """Since it has failed several times running, and until it answers again."""
        return self._circuit.is_open

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[None]:
        """Surround one try. Whatever it raises is a failure, but for its cancellation, which says nothing.

        Raises:
            PeerCutOff: nobody shall try right now.
        """
        try:
            async with self._circuit.trying():
                yield
        except CircuitOpen as left_alone:
            raise PeerCutOff(self._context, retry_after=left_alone.retry_after) from None

    def _tell(self, is_cut_off: bool) -> None:
        REMOTE_CUT_OFF.labels(self._context).set(is_cut_off)
        if is_cut_off:
            _log.warning("remote_cut_off", context=self._context, for_s=self._open_for_s)
        else:
            _log.info("remote_back", context=self._context)
