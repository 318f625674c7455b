"""Who a request is: an id of its own and the trace it belongs to (W3C Trace Context)."""

from __future__ import annotations

import re
from typing import Any

from starlette.types import Scope

from hedgerow_core.observability.tracing import current_traceparent, new_traceparent, trace_id_in, well_formed

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


def identify(scope: Scope) -> tuple[str, str]:
    """Give the request its id and its place in a trace, both taken from the caller if well-formed; returns them.

    With tracing set up, the place is the request's own span, which the framework has opened around us.
    """
    traceparent = current_traceparent() or ""
    request_id = ""
    for name, value in scope["headers"]:
        if name == b"traceparent" and not traceparent and well_formed(value.decode("latin-1")):
            traceparent = value.decode("latin-1")
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
    traceparent = traceparent or new_traceparent()
    trace_id = trace_id_in(traceparent)
    state: dict[str, Any] = scope.setdefault("state", {})
    state["trace_id"] = trace_id
    return request_id or trace_id, traceparent


def trace_id_of(scope: Scope) -> str:
    """The trace a request belongs to; empty if the request never passed the middleware."""
    return str(scope.get("state", {}).get("trace_id", ""))
