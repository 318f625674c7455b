"""What was found out about good access tokens: a signature is checked once, whatever can change each time.

A token is remembered by its digest, so that nothing that is kept here opens anything. What is remembered holds for
the very key that has signed: a key that was dropped, or read anew, has it checked again. Whether the token has
expired or was called back is no part of it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, final

import jwt

from hedgerow_core.security.claims import Claims, principal_of
from hedgerow_core.security.principal import Principal

if TYPE_CHECKING:
    from hedgerow_core.security.tokens import TokenIssuer

MOST_REMEMBERED = 5_000
"""About 10 MB. Beyond it the one that was quiet for longest is checked anew."""


@final
@dataclass(frozen=True, kw_only=True)
class VerifiedToken:
    """A token whose signature, issuer, audience and form were found right."""

    issuer: TokenIssuer
    kid: str
    key: jwt.PyJWK
    claims: Claims
    issued: float
    starts: float
    expires: float
    """All three in seconds since 1970."""

    @cached_property
    def principal(self) -> Principal:
        """Whom it speaks for, if it is one of our own.

        Raises:
            AuthenticationError: it does not say so in our words.
        """
        return principal_of(self.claims)


@final
class VerifiedTokens:
    """Remembers so many of them, in this process."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, VerifiedToken] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    async def find(self, token: str) -> VerifiedToken | None:
        """What is known of the token, if its issuer still has the key that it was signed with."""
        digest = _digest(token)
        known = self._known.get(digest)
        if known is None:
            return None
        if await known.issuer.find_key(known.kid) is not known.key:
            self._known.pop(digest, None)
            return None
        if digest in self._known:  # else forgotten meanwhile
            self._known.move_to_end(digest)
        return known

    def remember(self, token: str, verified: VerifiedToken) -> None:
        """Keep it."""
        self._known[_digest(token)] = verified
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    def forget_all(self) -> None:
        """Issuers have changed: check all of them anew."""
        self._known.clear()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
