"""E-mail addresses: kept as they were written, compared without regard to letter case."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hedgerow_core.domain import ValueObject
from hedgerow_users.domain.account_errors import InvalidEmail

MAX_LENGTH = 254
"""What fits between the brackets of an SMTP path (RFC 3696, erratum 1690)."""
MAX_LOCAL_LENGTH = 64

# The dot-atom of RFC 5321 §4.1.2 at a domain of at least two labels. ASCII only, so that Python and PostgreSQL
# fold letter case alike; a domain in another script is written in its xn-- form.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


@dataclass(frozen=True, slots=True, eq=False)
class Email(ValueObject):
    """An address. We keep its letter case for display and mail (RFC 5321 §2.4), but it identifies without."""

    address: str

    def __post_init__(self) -> None:
        local = self.address.partition("@")[0]
        if len(self.address) > MAX_LENGTH or len(local) > MAX_LOCAL_LENGTH or not _ADDRESS.fullmatch(self.address):
            raise InvalidEmail

    @classmethod
    def written(cls, text: str) -> Email:
        """The address that somebody typed, spaces around it forgiven.

        Raises:
            InvalidEmail: it is not one.
        """
        return cls(text.strip())

    @property
    def identity(self) -> str:
        """What two spellings of one address have in common."""
        return self.address.lower()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Email) and other.identity == self.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def __str__(self) -> str:
        return self.address
