"""A call as the stages of HTTP see it: metadata are headers, and the peer is the client.

So there is one place that authenticates, permits, throttles and names, whatever the protocol. Cookies don't come
along: those are for browsers, and no browser speaks gRPC.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import grpc.aio
from starlette.types import Scope

_TAKEN_OVER = frozenset({"authorization", "traceparent", "user-agent", "x-forwarded-for", "x-request-id"})


def scope_of(context: grpc.aio.ServicerContext[Any, Any], path: str, method: str) -> Scope:
    """The scope of an ASGI request that says the same."""
    return {
        "type": "http",
        "http_version": "2",
        "scheme": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in context.invocation_metadata() or ()
            if name in _TAKEN_OVER and isinstance(value, str)
        ],
        "client": _client_in(context.peer()),
        "state": {},
    }


def traceparent_in(scope: Scope) -> str | None:
    """As the caller has sent it, well-formed or not."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)


def _client_in(peer: str) -> tuple[str, int] | None:
    """`ipv4:192.0.2.1:50000` and `ipv6:%5B2001:db8::1%5D:50000`; anything else, such as a unix socket, has none."""
    family, _, place = unquote(peer).partition(":")
    host, _, port = place.rpartition(":")
    if family not in ("ipv4", "ipv6") or not port.isdigit():
        return None
    return host.strip("[]"), int(port)
