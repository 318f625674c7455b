"""Which addresses are anybody's on the Internet. All others are ours, our provider's or nobody's.

What is not known to be public is refused, also what wraps an IPv4 address in an IPv6 one (RFC 6890, RFC 4291
§2.5.5).
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

GLOBAL_UNICAST = IPv6Network("2000::/3")
"""Of IPv6, all that is given out so far: so not ::ffff:… (mapped), 64:ff9b::… (NAT64), fc00::… or fe80::…"""

_REFUSED: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; metadata of one cloud at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # the host's own services in one cloud, at a public address
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # Teredo and others that wrap
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",
    )
)


def is_public(address: str) -> bool:
    """Whether something may be sent to this address. What is no address is not public."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and (parsed not in GLOBAL_UNICAST or parsed.scope_id is not None):
        return False
    return parsed.is_global and not any(
        parsed in network for network in _REFUSED if network.version == parsed.version
    )


def is_of_this_machine(address: str) -> bool:
    """Whether it is a loopback address of IPv4 or IPv6, in its plain form."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return parsed.is_loopback and not (isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None)
