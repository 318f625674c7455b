"""Verifies access tokens (RFC 9068: JWT, `typ: at+jwt`) of the issuers that contexts declare.

Issuer, audience, type and algorithm are pinned before a signature is looked at; a key is chosen by `kid` among
the issuer's own keys and never fetched from where a token points. Whoever issues for others, too, says more of its
tokens in its `TokenIssuer`; who says nothing more is held to the strictest form.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from hedgerow_core.domain import AuthenticationError, Clock
from hedgerow_core.security.claims import INVALID_TOKEN, Claims, moment, refused
from hedgerow_core.security.keys import INVALID_KEY
from hedgerow_core.security.principal import Principal
from hedgerow_core.security.revocations import IdentityUnknown, RevocationReader
from hedgerow_core.security.verified_tokens import VerifiedToken, VerifiedTokens

ALGORITHM = "EdDSA"
"""Ed25519 (RFC 8037): small keys, fast, nothing to choose wrong."""
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type, not a password
TOKEN_EXPIRED, TOKEN_REVOKED = "token_expired", "token_revoked"
ACCESS_TOKEN_REFUSED = frozenset({INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_REVOKED, INVALID_KEY})
"""Codes of errors that mean: this access token, or key, is no longer, or never was, good."""
MAX_TOKEN_BYTES = 4096
MAX_KID_LENGTH = 255
MAX_SUBJECT_LENGTH = 255
"""OpenID Connect Core §2."""
LEEWAY_S = 5
"""Clocks of two nodes may differ by this much."""

_NO_ACCESS = frozenset({"events", "nonce", "at_hash", "c_hash"})
"""Claims of tokens that grant nothing, whatever type they say: security events (RFC 8417), and ID tokens (OpenID
Connect Core §3), which tell a client who has logged in."""

# Strictly base64url without padding (RFC 7515 §2): Python's decoder skips what is not in the alphabet. Bits of the
# last character that are no part of the signature are zero: else several texts would decode to one signature.
_SHAPE = re.compile(
    r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\."
    r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{4}|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]|[A-Za-z0-9_-][AQgw])"
)

KeySource = Callable[[str], Awaitable[jwt.PyJWK | None]]
"""Finds an issuer's public key by `kid`; None if the issuer has no such key. A key knows its one algorithm."""

KeyListing = Callable[[], Awaitable[Mapping[str, jwt.PyJWK]]]
"""All public keys of an issuer by `kid`, as far as they are known. It is called all the time, so it must answer
from memory."""

RevocationCheck = Callable[[Principal, float], bool]
"""Whether a token for this principal, issued at this time (seconds since 1970), has been called back. It is called
for every request, so it must answer from memory; if it can't know, it raises `UnavailableError`."""

Resolve = Callable[[Claims], Awaitable[Principal]]
"""Who of ours a foreign token speaks for. Called outside any transaction, after everything else about the token was
found right: signature, issuer, audience, time, and `sub` is a text. Raises a domain error if it is nobody."""
Confirm = Callable[[str], Awaitable[Principal]]
"""As `Resolve`, but it is given the token itself, to have it judged where its issuer is at home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssuer:
    """Somebody whose access tokens this host believes. Without `is_revoked` a token is good until it expires."""

    issuer: str
    audience: str
    find_key: KeySource
    is_revoked: RevocationCheck | None = None
    algorithms: frozenset[str] = frozenset({ALGORITHM})
    types: frozenset[str | None] = frozenset({TOKEN_TYPE})
    """What `typ` may say, in lower case; None stands for a token that doesn't say."""
    parties: frozenset[str] | None = None
    """Whom a token may have been issued to (`azp`). None: it is for our audience alone, and nobody asks to whom."""
    resolve: Resolve | None = None
    """None: `sub` is the principal's id, `sid` its session, and `roles` its roles."""
    confirm: Confirm | None = None
    """Asked in place of `resolve`, if there is one."""
    keys: KeyListing | None = None
    """None: no other host learns of this issuer, and its tokens are believed here alone."""
    revocations: RevocationReader | None = None
    """Who has `is_revoked` and not this keeps it from other hosts, too: they could not know who is shut out."""

    @property
    def may_be_told(self) -> bool:
        """Whether another host can know as much about it as this one."""
        return self.keys is not None and (self.is_revoked is None or self.revocations is not None)


class TokenVerifier:
    """Turns a bearer token into a principal, or refuses it."""

    def __init__(self, issuers: Sequence[TokenIssuer], clock: Clock) -> None:
        self._verified = VerifiedTokens()
        self.believe(issuers)
        self._clock = clock

    def believe(self, issuers: Sequence[TokenIssuer], *, complete: bool = True) -> None:
        """Believe these issuers and no others.

        Not `complete`: somebody on another host has not said yet for whom it vouches. An issuer that nobody here
        knows may be theirs, so its tokens are not refused for good.
        """
        self._verified.forget_all()
        self._issuers: Mapping[str, TokenIssuer] = {issuer.issuer: issuer for issuer in issuers}
        self._complete = complete

    async def verify(self, token: str) -> Principal:
        """The principal that the token speaks for.

        Raises:
            AuthenticationError: `token_expired` or `token_revoked` when it once was good, else `invalid_token`.
            UnavailableError: whether it is good can't be known right now.
            DomainError: it is good, and the issuer's `resolve` says why it speaks for nobody here.
        """
        read = await self._read(token)
        principal = await _speaks_for(read, token)
        if read.issuer.is_revoked is not None and read.issuer.is_revoked(principal, read.issued):
            raise AuthenticationError("The access token has been revoked. Log in again.", code=TOKEN_REVOKED)
        return principal

    async def claims(self, token: str) -> Claims:
        """What a token says that is good; nobody is asked whom it speaks for.

        Raises:
            AuthenticationError, UnavailableError: as in `verify`.
        """
        return (await self._read(token)).claims

    async def _read(self, token: str) -> VerifiedToken:
        """What the token says, if it is good at this moment."""
        if len(token) > MAX_TOKEN_BYTES:
            raise refused()
        verified = await self._verified.find(token)
        if verified is None:
            verified = await self._checked(token)
            self._demand_now(verified)
            self._verified.remember(token, verified)
        else:
            self._demand_now(verified)
        return verified

    async def _checked(self, token: str) -> VerifiedToken:
        """What the token says, if who may has signed it; whatever the time is."""
        if not _SHAPE.fullmatch(token):
            raise refused()
        try:
            header = jwt.get_unverified_header(token)
            claimed: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        except (jwt.InvalidTokenError, RecursionError, ValueError) as error:
            raise refused() from error
        issuer = self._issuers.get(str(claimed.get("iss")))
        if issuer is None and not self._complete:
            raise IdentityUnknown
        algorithm, kid = header.get("alg"), header.get("kid")
        if (
            issuer is None
            or not isinstance(algorithm, str)
            or algorithm not in issuer.algorithms
            or _type_of(header) not in issuer.types
            or "crit" in header
            or not isinstance(kid, str)
            or not (kid.isprintable() and 1 <= len(kid) <= MAX_KID_LENGTH)
        ):
            raise refused()
        key = await issuer.find_key(kid)
        if key is None:
            raise refused()
        claims = _signed_claims(token, algorithm, key, issuer)
        try:
            issued, expires = moment(claims["iat"]), moment(claims["exp"])
            starts = max(issued, moment(claims.get("nbf", 0)))
        except ValueError as error:
            raise refused() from error
        return VerifiedToken(
            issuer=issuer,
            kid=kid,
            key=key,
            claims=claims,
            issued=issued,
            starts=starts,
            expires=expires,
        )

    def _demand_now(self, verified: VerifiedToken) -> None:
        now = self._clock.now().timestamp()
        if verified.starts - LEEWAY_S > now:
            raise refused()
        if verified.expires + LEEWAY_S < now:
            raise AuthenticationError(
                "The access token has expired. Get a new one with the refresh token.", code=TOKEN_EXPIRED
            )


async def _speaks_for(verified: VerifiedToken, token: str) -> Principal:
    issuer = verified.issuer
    if issuer.confirm is not None:
        return await issuer.confirm(token)
    return verified.principal if issuer.resolve is None else await issuer.resolve(verified.claims)


def _signed_claims(token: str, algorithm: str, key: jwt.PyJWK, issuer: TokenIssuer) -> Claims:
    """What the token says, if the key has signed it and it is meant for us."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=[algorithm],
            issuer=issuer.issuer,
            audience=issuer.audience,
            options={
                "require": ["exp", "iat", "sub", "iss", "aud"],
                # Time is judged by our clock.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise refused() from error
    subject = claims["sub"]
    if not (_is_for_us(claims, issuer) and subject.isprintable() and 1 <= len(subject) <= MAX_SUBJECT_LENGTH):
        raise refused()
    if not _NO_ACCESS.isdisjoint(claims):
        raise refused()
    return claims


def _is_for_us(claims: Claims, issuer: TokenIssuer) -> bool:
    """OpenID Connect Core §3.1.3.7: of several audiences, the token says to which it was issued."""
    alone = bool(claims["aud"] in (issuer.audience, [issuer.audience]))
    if issuer.parties is None:
        return alone and isinstance(claims["aud"], str)  # One of several audiences is not ours alone.
    if "azp" in claims:
        return isinstance(claims["azp"], str) and claims["azp"] in issuer.parties
    return alone


def _type_of(header: Mapping[str, Any]) -> str | None:
    """A media type has no letter case (RFC 2045 §5.1). Absent is not the same as null."""
    if "typ" not in header:
        return None
    typ = header["typ"]
    return typ.lower() if isinstance(typ, str) else ""
