"""The network that a request comes from: what is counted where nobody has said who they are."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

IPV6_PREFIX = 64
"""One customer has at least that many bits to choose from (RFC 6177), so single addresses mean nothing."""
_LONGEST = 64


def network_of(scope: Scope) -> str:
    """The caller's network: an IPv4 address, or the /64 of an IPv6 address.

    The address is the peer's. Behind proxies that the host trusts, the server has put the right hop of
    X-Forwarded-For in its place before any of our code runs.
    """
    client = scope.get("client")
    return _network_of(client[0]) if client else "unknown"


@lru_cache(maxsize=4096)
def _network_of(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:_LONGEST]  # a unix socket, or what a trusted proxy made of it
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))
