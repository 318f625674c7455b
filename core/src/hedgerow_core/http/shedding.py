"""Bounds how many requests run at once (pure ASGI): some wait for a moment, and what is beyond that is turned away.

A process that takes everything slows down until nobody is answered in time. Whoever is turned away hears so, with
the time after which it pays to come again; whoever is let in is served as fast as ever.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow_core.http.problems import problem_response
from hedgerow_core.http.request_identity import identify, trace_id_of
from hedgerow_core.http.security_headers import security_headers
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import REQUESTS, REQUESTS_SHED

WAIT_S = 0.8
"""As long as for a connection of the pool: a burst is served, and who is turned away hears so within 1.2 s."""
REFUSED_PER_S = 200.0
REFUSED_AT_ONCE = 200.0
"""To turn somebody away costs a tenth of serving somebody (0.2 ms, 2 ms). At this pace, with so many more when a
burst comes, it takes a twentieth of a processor at most; callers that heed nothing wait in line meanwhile, and
can't ask again."""
SWEEP_EVERY_S = 0.05
IN_LINE_PER_PLACE = 20
"""As many wait at most: a waiting request is some 10 kB. Whoever comes then is turned away at once."""
RETRY_AFTER_S = 1
CALM_AFTER_S = 5.0
"""So long after the last one was turned away, an overload is over, for the log."""
PROBES = frozenset({"/livez", "/readyz"})
"""An orchestrator that hears nothing would restart what is busy."""
HELD_OPEN_BELOW = "/_feed/"
"""Other hosts wait here for what is next, which costs nothing."""

_log = log_of(__name__)


@final
class LoadShedding:
    """Lets `at_once` requests run, and twenty times as many wait: `wait_s` seconds, and longer only in a flood.

    The newest one goes first: who has waited for long has most likely given up. While we wait for the caller, for
    its body or for it to read the answer, a request doesn't count: slow callers keep nobody out.
    """

    def __init__(
        self, app: ASGIApp, *, at_once: int, wait_s: float = WAIT_S, calm_after_s: float = CALM_AFTER_S
    ) -> None:
        self._app = app
        self._at_once = at_once
        self._wait_s = wait_s
        self._calm_after_s = calm_after_s
        self._running = 0
        self._line: dict[asyncio.Future[bool], float] = {}
        """Who waits, the newest last, and until when."""
        self._sweeping = False
        self._swept_at = 0.0
        self._may_refuse = REFUSED_AT_ONCE
        self._shed = 0
        self._calm_at = 0.0
        REQUESTS.labels("running").set_function(lambda: self._running)
        REQUESTS.labels("in_line").set_function(lambda: len(self._line))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http" or scope["path"] in PROBES or scope["path"].startswith(HELD_OPEN_BELOW):
            await self._app(scope, receive, send)
            return
        if self._running < self._at_once:
            self._running += 1
        elif not await self._let_in():
            await self._turn_away(scope, receive, send)
            return

        all_here = False

        async def from_caller() -> Message:
            nonlocal all_here
            if all_here:  # what comes now is the end of the connection; some watch for it while they work
                return await receive()
            self._leave()
            try:
                message = await receive()
            finally:
                self._running += 1
            all_here = not message.get("more_body", False)
            return message

        async def to_caller(message: Message) -> None:
            self._leave()
            try:
                await send(message)
            finally:
                self._running += 1

        try:
            await self._app(scope, from_caller, to_caller)
        finally:
            self._leave()

    def _leave(self) -> None:
        self._running -= 1
        while self._line and self._running < self._at_once:
            newest, _ = self._line.popitem()
            if not newest.done():  # broken off a moment ago
                newest.set_result(True)
                self._running += 1

    async def _let_in(self) -> bool:
        """Whether a place came free in time; it is taken then."""
        if len(self._line) >= self._at_once * IN_LINE_PER_PLACE:
            return False
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bool] = loop.create_future()
        self._line[waiting] = loop.time() + self._wait_s
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(SWEEP_EVERY_S, self._sweep)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.cancelled():
                self._line.pop(waiting, None)
            elif waiting.result():
                self._leave()
            raise

    def _sweep(self) -> None:
        """Turn away who has waited for too long, the oldest first, and no more than the pace allows."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._may_refuse = min(REFUSED_AT_ONCE, self._may_refuse + (now - self._swept_at) * REFUSED_PER_S)
        self._swept_at = now
        while self._line and self._may_refuse >= 1:
            oldest, until = next(iter(self._line.items()))
            if until > now:
                break
            del self._line[oldest]
            if not oldest.done():
                oldest.set_result(False)
                self._may_refuse -= 1
        self._sweeping = bool(self._line)
        if self._sweeping:
            loop.call_later(SWEEP_EVERY_S, self._sweep)

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._count()
        cause = identify(scope)
        answer = problem_response(
            trace_id_of(scope),
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            code="overloaded",
            detail=f"More requests have come than can be served. Try again in {RETRY_AFTER_S} s.",
            headers={"Retry-After": str(RETRY_AFTER_S), "X-Request-ID": cause.request_id or ""},
        )
        answer.raw_headers += security_headers(scope, answer.raw_headers)
        await answer(scope, receive, send)

    def _count(self) -> None:
        """Say once that it begins, and once that it is over: a line for each of them would be load, too."""
        REQUESTS_SHED.inc()
        loop = asyncio.get_running_loop()
        self._calm_at = loop.time() + self._calm_after_s
        if not self._shed:
            _log.warning("overload_began", at_once=self._at_once, in_line=len(self._line))
            loop.call_later(self._calm_after_s, self._look_whether_calm)
        self._shed += 1

    def _look_whether_calm(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._calm_at:
            loop.call_at(self._calm_at, self._look_whether_calm)
            return
        _log.info("overload_ended", shed=self._shed)
        self._shed = 0
