"""Calls of one server that is not ours: measured, left alone when it keeps failing, repeated where that is safe.

Of any kind: over our own client (`http`) or a library of theirs. What may be repeated is for the caller to say.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, final

from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import OUTBOUND_CUT_OFF, OUTBOUND_REPEATED, OUTBOUND_SECONDS
from hedgerow_core.outbound.breaker import FAILURES, OPEN_FOR_S, CircuitBreaker, CircuitOpen

if TYPE_CHECKING:
    from tenacity import RetryCallState

Answer = TypeVar("Answer")

TRIES = 3
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 1.0
"""Between two tries, at most; it is drawn, so that crowds disperse."""

_log = log_of(__name__)


def _never(_error: BaseException) -> bool:
    return False


@final
class Calls:
    """One for each server in a process. Belongs to one event loop."""

    def __init__(
        self,
        server: str,
        *,
        answers: tuple[type[Exception], ...] = (),
        failures: int = FAILURES,
        open_for_s: float = OPEN_FOR_S,
        tries: int = TRIES,
    ) -> None:
        """`server` stands in metrics and logs; exceptions of the kinds `answers` say that it is there, and no."""
        self._server = server
        self._answers = answers
        self._tries = tries
        self._open_for_s = open_for_s
        self._breaker = CircuitBreaker(
            server, changed=self._tell, failures=failures, open_for_s=open_for_s, answers=answers
        )
        OUTBOUND_CUT_OFF.labels(server).set(0)

    async def make(
        self, call: Callable[[], Awaitable[Answer]], *, repeat: Callable[[BaseException], bool] = _never
    ) -> Answer:
        """What `call` answers. It is made again, up to three times in all, after whatever `repeat` says yes to.

        The caller bounds the time of all tries. Raises what the last of them raised.

        Raises:
            CircuitOpen: nobody has called, because the server failed several times running.
        """
        # Most hosts call nobody.
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

        tries = AsyncRetrying(
            stop=stop_after_attempt(self._tries),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=LONGEST_WAIT_S),
            retry=retry_if_exception(repeat),
            before_sleep=self._repeated,
            reraise=True,
        )
        answer: Answer = await tries(self._once, call)
        return answer

    async def _once(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        started, outcome = time.monotonic(), "failed"
        try:
            async with self._breaker.trying():
                answer = await call()
            outcome = "answered"
            return answer
        except self._answers:
            outcome = "refused"
            raise
        except CircuitOpen:
            outcome = "left_alone"
            raise
        finally:
            OUTBOUND_SECONDS.labels(self._server, outcome).observe(time.monotonic() - started)

    def _repeated(self, _state: RetryCallState) -> None:
        OUTBOUND_REPEATED.labels(self._server).inc()

    def _tell(self, is_cut_off: bool) -> None:
        OUTBOUND_CUT_OFF.labels(self._server).set(is_cut_off)
        if is_cut_off:
            _log.warning("server_cut_off", server=self._server, for_s=self._open_for_s)
        else:
            _log.info("server_back", server=self._server)
