"""The outermost layer of the application (pure ASGI): identity, limits, and the last answer to the unforeseen."""

from __future__ import annotations

import time
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow_core.application import Cause, set_cause
from hedgerow_core.http.problems import problem_response
from hedgerow_core.http.request_identity import identify, trace_id_of
from hedgerow_core.observability import log_of

MAX_BODY_BYTES = 1024 * 1024
"""No JSON of ours comes near it; a route that takes more says so itself."""
SILENT_PATHS = frozenset({"/livez", "/readyz"})
"""Probes come every few seconds and would drown the log."""

_log = log_of(__name__)


class RequestBoundary:
    """Names the request in every log line, bounds its body, and turns what nobody caught into a problem.

    FastAPI's own `max_body_size` answers 413 in plain text; ours is a problem like every other error.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, traceparent = identify(scope)
        trace_id = trace_id_of(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, trace_id=trace_id)
        set_cause(Cause(correlation_id=trace_id, traceparent=traceparent))
        started = time.perf_counter()
        status = 0
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._max_body_bytes:
                    raise _BodyTooLarge
            return message

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            if _declared_length(scope) > self._max_body_bytes:
                raise _BodyTooLarge
            if not scope["path"].isprintable():
                await _nothing_there(trace_id)(scope, receive, named)
            else:
                await self._app(scope, counted, named)
        except _BodyTooLarge:
            await self._too_large(trace_id)(scope, receive, named)
        except Exception:
            _log.exception("request_failed", method=scope["method"], path=_readable(scope["path"]))
            if status:
                raise  # The answer has begun: all we can do is to cut the connection.
            await _unforeseen(trace_id)(scope, receive, named)
        if scope["path"] not in SILENT_PATHS:
            _log.info(
                "request",
                method=scope["method"],
                path=_readable(scope["path"]),
                status=int(status),
                duration_ms=round((time.perf_counter() - started) * 1000, 1),
            )

    def _too_large(self, trace_id: str) -> ASGIApp:
        return problem_response(
            trace_id,
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            code="body_too_large",
            detail=f"A body may have at most {self._max_body_bytes} bytes.",
            headers={"Connection": "close"},
        )


class _BodyTooLarge(BaseException):
    """Passes every `except Exception` between the receive call and the boundary."""


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
