"""The outermost layer of the application (pure ASGI): identity, limits, and the last answer to the unforeseen.

Slow and oversize headers are refused before this, where the connection is: by the host's protocol.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from http import HTTPStatus

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow_core.application import set_cause
from hedgerow_core.http.admission import PROBES
from hedgerow_core.http.callers import caller_in
from hedgerow_core.http.measuring import measure
from hedgerow_core.http.problems import problem_response
from hedgerow_core.http.request_identity import identify, trace_id_of
from hedgerow_core.http.security_headers import security_headers
from hedgerow_core.http.throttling import rate_limit_headers
from hedgerow_core.observability import log_of

MAX_BODY_BYTES = 1024 * 1024
"""No JSON of ours comes near it; a route that takes more says so itself."""
BODY_WITHIN_S = 30.0
"""From the end of the headers. Who sends a byte a second to keep a connection busy is cut off then."""
LINGER_S = 1.0
"""An answer to who is still sending is lost when the connection is reset: for so long we read on and throw away."""
SILENT_BELOW = "/_identity/"
"""Questions of other hosts about callers drown the log as probes would. What is wrong with one is told."""

_log = log_of(__name__)
_answered = log_of(__name__, together=True)
"""A line for every request: when many are answered at once, their lines are written at once."""


def is_routine(scope: Scope, status: int = HTTPStatus.OK) -> bool:
    """Whether nobody wants to read of a request, because machines make it all the time."""
    path: str = scope["path"]
    return path in PROBES or (path.startswith(SILENT_BELOW) and status < HTTPStatus.BAD_REQUEST)


class RequestBoundary:
    """Names the request in every log line, bounds its body, and turns what nobody caught into a problem.

    FastAPI's own `max_body_size` answers 413 in plain text; ours is a problem like every other error.
    """

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int = MAX_BODY_BYTES, body_within_s: float = BODY_WITHIN_S
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._body_within_s = body_within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cause = identify(scope)
        request_id, trace_id = cause.request_id or "", trace_id_of(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, trace_id=trace_id)
        set_cause(cause)
        started = time.perf_counter()
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.get("headers", ())
                message["headers"] = [
                    *headers,
                    (b"x-request-id", request_id.encode()),
                    *security_headers(scope, headers),
                    *rate_limit_headers(scope),
                ]
            await send(message)

        try:
            if _declared_length(scope) > self._max_body_bytes:
                raise self._too_large()
            if not scope["path"].isprintable():
                await _nothing_there(trace_id)(scope, receive, named)
            else:
                await self._app(scope, self._bounded(receive, started), named)
        except ClientDisconnect:
            pass  # in the middle of what it wanted to say; there is nobody to answer
        except _RefusedBody as refused:
            last = _after_they_have_read(receive, named) if refused.still_sending else named
            await refused.answer(trace_id)(scope, receive, last)
        except Exception:
            _log.exception("request_failed", method=scope["method"], path=_readable(scope["path"]))
            if status:
                raise  # The answer has begun: all we can do is to cut the connection.
            await _unforeseen(trace_id)(scope, receive, named)
        if not is_routine(scope, status):
            took_s = time.perf_counter() - started
            measure(scope, int(status), took_s)
            _answered.info(
                "request",
                method=scope["method"],
                path=_readable(scope["path"]),
                status=int(status),
                duration_ms=round(took_s * 1000, 1),
                **_problem_in(scope, status),
                **caller_in(scope),
            )

    def _bounded(self, receive: Receive, started: float) -> Receive:
        """`receive`, for a body that is neither too large nor too slow."""
        received, complete = 0, False

        async def bounded() -> Message:
            nonlocal received, complete
            if complete:  # what comes now is the end of the connection, and that has time
                return await receive()
            try:
                async with asyncio.timeout(started + self._body_within_s - time.perf_counter()):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                complete = not message.get("more_body", False)
                if received > self._max_body_bytes:
                    raise self._too_large()
            return message

        return bounded

    def _too_large(self) -> _RefusedBody:
        return _RefusedBody(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            code="body_too_large",
            detail=f"A body may have at most {self._max_body_bytes} bytes.",
            still_sending=True,
        )

    def _too_slow(self) -> _RefusedBody:
        return _RefusedBody(
            HTTPStatus.REQUEST_TIMEOUT,
            code="body_too_slow",
            detail=f"A body must be here within {self._body_within_s:g} s. Send it faster, or less of it.",
        )


class _RefusedBody(BaseException):
    """Passes every `except Exception` between the receive call and the boundary."""

    def __init__(self, status: HTTPStatus, *, code: str, detail: str, still_sending: bool = False) -> None:
        super().__init__(code)
        self._status, self._code, self._detail = status, code, detail
        self.still_sending = still_sending

    def answer(self, trace_id: str) -> ASGIApp:
        """The problem. What is left of the body is not waited for: the connection ends."""
        return problem_response(
            trace_id, status=self._status, code=self._code, detail=self._detail, headers={"Connection": "close"}
        )


def _after_they_have_read(receive: Receive, send: Send) -> Send:
    """`send`, whose answer is out at once, but ends only when its reader has stopped sending, or a second later."""

    async def answer(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({**message, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b""})

    return answer


def _problem_in(scope: Scope, status: int) -> dict[str, str]:
    """`code`, if the answer is our fault: which of the reasons for a 503 it was, the status doesn't say."""
    code = scope.get("state", {}).get("problem") if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    return {"code": code} if code else {}


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _readable(path: str) -> str:
    """As it may stand in a log: a terminal must not obey it."""
    return path if path.isprintable() else path.encode("unicode_escape").decode()


def _nothing_there(trace_id: str) -> ASGIApp:
    """No route of ours has control characters, and a pattern's `$` would let a trailing newline pass."""
    return problem_response(
        trace_id, status=HTTPStatus.NOT_FOUND, code="not_found", detail="There is nothing at this path."
    )


def _unforeseen(trace_id: str) -> ASGIApp:
    return problem_response(
        trace_id,
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail="Something went wrong on our side. Quote the trace_id when you report it.",
    )
