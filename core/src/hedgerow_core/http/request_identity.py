"""Who a request is: an id of its own and the trace it belongs to (W3C Trace Context)."""

from __future__ import annotations

import re
import secrets
from typing import Any

from starlette.types import Scope

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


def identify(scope: Scope) -> tuple[str, str]:
    """Give the request its id and its trace, both taken from the caller if well-formed; returns them."""
    trace_id = request_id = ""
    for name, value in scope["headers"]:
        if name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
            trace_id = match[1].decode()
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
    trace_id = trace_id or secrets.token_hex(16)
    request_id = request_id or trace_id
    state: dict[str, Any] = scope.setdefault("state", {})
    state["trace_id"] = trace_id
    return request_id, trace_id


def trace_id_of(scope: Scope) -> str:
    """The trace a request belongs to; empty if the request never passed the middleware."""
    return str(scope.get("state", {}).get("trace_id", ""))
