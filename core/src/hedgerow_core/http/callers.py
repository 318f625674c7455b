"""Who a line of the log is about: an id and a neighbourhood, enough to find them by and no more."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, ip_network

from starlette.types import Scope

from hedgerow_core.http.networks import address_of
from hedgerow_core.security import Principal

IPV4_PREFIX, IPV6_PREFIX = 24, 48
"""A neighbourhood, not a machine: a log is read by many and kept for long."""


def caller_in(scope: Scope) -> dict[str, str]:
    """`subject` (who has said who they are) and `network`, as far as they are known."""
    principal: Principal | None = scope.get("state", {}).get("principal")
    found = {"subject": str(principal.subject)} if principal is not None else {}
    client = scope.get("client")
    neighbourhood = _neighbourhood(client[0]) if client else None
    if neighbourhood is not None:
        found["network"] = neighbourhood
    return found


@lru_cache(maxsize=4096)
def _neighbourhood(host: str) -> str | None:
    address = address_of(host)
    if address is None:
        return None
    prefix = IPV4_PREFIX if isinstance(address, IPv4Address) else IPV6_PREFIX
    return str(ip_network((address.packed, prefix), strict=False))
