"""What a session is used from: the program, as it names itself, and the network address of its connection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from hedgerow_core.domain import ValueObject

LONGEST_USER_AGENT = 200
IPV4_PREFIX, IPV6_PREFIX = 24, 48
"""What an owner needs to recognise a place by: a neighbourhood, not a machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(ValueObject):
    """Neither part is proof of anything: both help an owner to recognise a session, and to doubt a stranger's."""

    user_agent: str
    address: str

    @classmethod
    def seen(cls, *, user_agent: str, address: str) -> Client:
        """The client of a request. Takes any text, and keeps as much of it as can be stored and shown."""
        shown = "".join(character for character in user_agent if character.isprintable())
        return cls(user_agent=shown[:LONGEST_USER_AGENT], address=address)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of how the program names itself. The address is left out: phones change theirs on the way."""
        return hashlib.sha256(self.user_agent.encode()).digest()

    @property
    def network(self) -> str | None:
        """The neighbourhood of the address: its /24, or its /48 in IPv6. None if it is no address."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        prefix = IPV6_PREFIX if isinstance(address, IPv6Address) else IPV4_PREFIX
        return str(ip_network((address.packed, prefix), strict=False))


UNKNOWN_CLIENT = Client(user_agent="", address="")
"""Of a session that was started by no request."""
