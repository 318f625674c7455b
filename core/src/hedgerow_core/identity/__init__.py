"""How a host believes callers for whom a context on another host vouches (ADR 0035).

Read in this order: documents (what is said) → telling (where the context is at home) → hearing (where it is not) →
confirming (whom one key or token speaks for).
"""

from hedgerow_core.identity.documents import (
    Confirmation,
    IdentityDocument,
    KeyQuestion,
    News,
    NewsQuestion,
    SigningKeyQuestion,
    TokenQuestion,
)
from hedgerow_core.identity.hearing import Home, RemoteIdentity
from hedgerow_core.identity.over_the_wire import HomeOverTheWire
from hedgerow_core.identity.telling import Voucher

__all__ = [
    "Confirmation",
    "Home",
    "HomeOverTheWire",
    "IdentityDocument",
    "KeyQuestion",
    "News",
    "NewsQuestion",
    "RemoteIdentity",
    "SigningKeyQuestion",
    "TokenQuestion",
    "Voucher",
]
