"""Who a request is: an id of its own and the trace it belongs to (W3C Trace Context)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from starlette.types import Scope

from hedgerow_core.application import Cause
from hedgerow_core.http.security_headers import Header
from hedgerow_core.observability.tracing import current_traceparent, new_traceparent, trace_id_in, well_formed

LONGEST_SHOWN = 200
"""Of what a caller says of itself."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


def identify(scope: Scope) -> Cause:
    """Give the request its id and its place in a trace, both taken from the caller if well-formed.

    With tracing set up, the place is the request's own span, which the framework has opened around us.
    Returns the cause of all that the request sets going.
    """
    told, request_id, user_agent = _told_by(scope["headers"])
    traceparent = current_traceparent() or told or new_traceparent()
    trace_id = trace_id_in(traceparent)
    state: dict[str, Any] = scope.setdefault("state", {})
    state["trace_id"] = trace_id
    client = scope.get("client")
    return Cause(
        correlation_id=trace_id,
        traceparent=traceparent,
        request_id=request_id or trace_id,
        address=_shown(client[0]) if client else None,
        user_agent=user_agent,
    )


def ids_of(headers: Iterable[Header]) -> tuple[str, str]:
    """The id and the trace of a request that nothing comes of, taken from the caller if well-formed."""
    told, request_id, _ = _told_by(headers)
    trace_id = trace_id_in(told or new_traceparent())
    return request_id or trace_id, trace_id


def _told_by(headers: Iterable[Header]) -> tuple[str, str, str | None]:
    """What a caller says of itself: traceparent, request id, user agent. Empty where nothing is well-formed."""
    traceparent, request_id, user_agent = "", "", None
    for name, value in headers:
        if name == b"traceparent" and not traceparent and well_formed(value.decode("latin-1")):
            traceparent = value.decode("latin-1")
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"user-agent":
            user_agent = _shown(value.decode("latin-1"))
    return traceparent, request_id, user_agent


def trace_id_of(scope: Scope) -> str:
    """The trace a request belongs to; empty if the request never passed the middleware."""
    return str(scope.get("state", {}).get("trace_id", ""))


def _shown(text: str) -> str:
    """As it may stand in a list: a terminal must not obey it."""
    short = text[:LONGEST_SHOWN]
    return short if short.isprintable() else "".join(filter(str.isprintable, short))
