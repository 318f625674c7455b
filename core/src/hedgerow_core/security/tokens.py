"""Verifies access tokens (RFC 9068: JWT, `typ: at+jwt`) of the issuers that contexts declare.

Issuer, audience, type and algorithm are pinned before a signature is looked at; a key is chosen by `kid` among
the issuer's own keys and never fetched from where a token points.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from hedgerow_core.domain import AuthenticationError, Clock
from hedgerow_core.security.keys import INVALID_KEY
from hedgerow_core.security.principal import Principal

ALGORITHM = "EdDSA"
"""Ed25519 (RFC 8037): small keys, fast, nothing to choose wrong."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type, not a password
INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_REVOKED = "invalid_token", "token_expired", "token_revoked"
ACCESS_TOKEN_REFUSED = frozenset({INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_REVOKED, INVALID_KEY})
"""Codes of errors that mean: this access token, or key, is no longer, or never was, good."""
MAX_TOKEN_BYTES = 4096
MAX_KID_LENGTH = 255
LAST_MOMENT = 2**40
"""In the year 36812; beyond it floats and databases stumble."""
LEEWAY_S = 5
"""Clocks of two nodes may differ by this much."""

# Strictly base64url without padding (RFC 7515 §2): Python's decoder skips what is not in the alphabet. The 64 bytes
# of a signature take 86 characters, of which the last carries two bits: others would decode to the same signature.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]")

KeySource = Callable[[str], Awaitable[jwt.PyJWK | None]]
"""Finds an issuer's public key by `kid`; None if the issuer has no such key."""

RevocationCheck = Callable[[Principal, float], bool]
"""Whether a token for this principal, issued at this time (seconds since 1970), has been called back. It is called
for every request, so it must answer from memory; if it can't know, it raises `UnavailableError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """Somebody whose access tokens this host believes. Without `is_revoked` a token is good until it expires."""

    issuer: str
    audience: str
    find_key: KeySource
    is_revoked: RevocationCheck | None = None


class TokenVerifier:
    """Turns a bearer token into a principal, or refuses it."""

    def __init__(self, issuers: Sequence[TokenIssuer], clock: Clock) -> None:
        self._issuers: Mapping[str, TokenIssuer] = {issuer.issuer: issuer for issuer in issuers}
        self._clock = clock

    async def verify(self, token: str) -> Principal:
        """The principal that the token speaks for.

        Raises:
            AuthenticationError: `token_expired` or `token_revoked` when it once was good, else `invalid_token`.
            UnavailableError: whether it was revoked can't be known right now.
        """
        if len(token) > MAX_TOKEN_BYTES or not _SHAPE.fullmatch(token):
            raise _refused()
        try:
            header = jwt.get_unverified_header(token)
            claimed: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        except (jwt.InvalidTokenError, RecursionError, ValueError) as error:
            raise _refused() from error
        issuer = self._issuers.get(str(claimed.get("iss")))
        kid = header.get("kid")
        if (
            issuer is None
            or header.get("alg") != ALGORITHM
            or str(header.get("typ")).lower() != TOKEN_TYPE
            or "crit" in header
            or not isinstance(kid, str)
            or not (kid.isprintable() and 1 <= len(kid) <= MAX_KID_LENGTH)
        ):
            raise _refused()
        key = await issuer.find_key(kid)
        if key is None:
            raise _refused()
        return self._principal(token, key, issuer)

    def _principal(self, token: str, key: jwt.PyJWK, issuer: TokenIssuer) -> Principal:
        try:
            claims = jwt.decode(
                token,
                key=key,
                algorithms=[ALGORITHM],
                issuer=issuer.issuer,
                audience=issuer.audience,
                options={
                    "require": ["exp", "iat", "sub", "iss", "aud"],
                    # Time is judged below, by our clock.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            if claims["aud"] != issuer.audience:
                raise _refused()  # One of several audiences is not ours alone.
            issued, expires = _moment(claims["iat"]), _moment(claims["exp"])
            starts = max(issued, _moment(claims.get("nbf", 0)))
            principal = Principal(
                subject=UUID(claims["sub"]),
                session=UUID(claims["sid"]) if "sid" in claims else None,
                roles=_roles(claims.get("roles", [])),
            )
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _refused() from error
        now = self._clock.now().timestamp()
        if starts - LEEWAY_S > now:
            raise _refused()
        if expires + LEEWAY_S < now:
            raise AuthenticationError(
                "The access token has expired. Get a new one with the refresh token.", code=TOKEN_EXPIRED
            )
        if issuer.is_revoked is not None and issuer.is_revoked(principal, issued):
            raise AuthenticationError("The access token has been revoked. Log in again.", code=TOKEN_REVOKED)
        return principal


def _moment(claimed: Any) -> float:
    """A NumericDate (RFC 7519 §2).

    Raises:
        ValueError: it is none.
    """
    if isinstance(claimed, bool) or not isinstance(claimed, int | float) or not 0 <= claimed < LAST_MOMENT:
        raise ValueError(claimed)
    return float(claimed)


def _roles(claimed: Any) -> frozenset[str]:
    if not isinstance(claimed, list) or not all(isinstance(role, str) for role in claimed):
        raise TypeError(claimed)
    return frozenset(claimed)


def _refused() -> AuthenticationError:
    return AuthenticationError("The access token is not valid. Log in again.", code=INVALID_TOKEN)
