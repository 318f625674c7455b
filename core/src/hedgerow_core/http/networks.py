"""The network that a request comes from: what is counted where nobody has said who they are."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

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
    address = address_of(host)
    if address is None:
        return host[:_LONGEST]  # a unix socket, or what a trusted proxy made of it
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, IPV6_PREFIX), strict=False))
    return str(address)


@lru_cache(maxsize=4096)
def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """The address of a peer that is called so; None if it has none, such as a unix socket."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
