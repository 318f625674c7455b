"""Who a line of the log is about: an id and a neighbourhood, enough to find them by and no more."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network

from starlette.types import Scope

from hedgerow_core.http.networks import address_of
from hedgerow_core.security import Principal

IPV4_PREFIX, IPV6_PREFIX = 24, 48
"""A neighbourhood, not a machine: a log is read by many and kept for long."""


def caller_in(scope: Scope) -> dict[str, str]:
    """`subject` (who has said who they are) and `network`, as far as they are known."""
    principal: Principal | None = scope.get("state", {}).get("principal")
    address = address_of(scope)
    found = {"subject": str(principal.subject)} if principal is not None else {}
    if address is not None:
        found["network"] = _neighbourhood(address)
    return found


@lru_cache(maxsize=4096)
def _neighbourhood(address: IPv4Address | IPv6Address) -> str:
    prefix = IPV4_PREFIX if isinstance(address, IPv4Address) else IPV6_PREFIX
    return str(ip_network((address.packed, prefix), strict=False))
