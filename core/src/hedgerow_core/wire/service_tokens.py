"""Service tokens: which context asks, to be believed by the host of one other context, for a minute.

A token is a JWT of a type of its own, so that no access token passes for one, nor the other way round. Who asks is
looked for among the remotes of this host, and its key among those that the remote's own URL publishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import final

from hedgerow_core.domain import AuthenticationError, Clock
from hedgerow_core.security import Claims, KeySource, TokenIssuer, TokenVerifier
from hedgerow_core.wire.host_keys import HostKeys

TOKEN_TYPE = "hedgerow-service+jwt"  # noqa: S105 - a media type, not a password
LIFETIME = timedelta(seconds=60)
"""And the most that is believed. A token is sent for half of it."""
REFUSED = "invalid_service_token"
MOST_REMEMBERED = 1_000
"""Good tokens: each is sent for half a minute, and to read it anew would take longer than many an answer. A key
that is withdrawn goes on for a minute so, which is as long as it may be kept anyway."""


def audience_of(publisher: str) -> str:
    """For whom a token is meant that is to be shown to the host of this context."""
    return f"hedgerow:{publisher}"


@final
class OwnTokens:
    """The tokens of this host's contexts: signed once for asker and publisher, and sent for half their life."""

    def __init__(self, keys: HostKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._signed: dict[tuple[str, str], tuple[float, str]] = {}

    def token(self, asker: str, publisher: str) -> str:
        """A token that is good for half a minute at least."""
        now = self._clock.now().timestamp()
        signed_at, token = self._signed.get((asker, publisher), (float("-inf"), ""))
        if not 0 <= now - signed_at < LIFETIME.total_seconds() / 2:
            signed_at, token = now, self._signed_at(int(now), asker, publisher)
            self._signed[asker, publisher] = (signed_at, token)
        return token

    def _signed_at(self, now: int, asker: str, publisher: str) -> str:
        claims = {
            "iss": asker,
            "sub": asker,
            "aud": audience_of(publisher),
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
        }
        return self._keys.sign(claims, typ=TOKEN_TYPE)


@final
class ServiceTokens:
    """Reads the tokens of other hosts' contexts. `askers` are the remotes of this host, each with its keys."""

    def __init__(self, askers: Mapping[str, KeySource], clock: Clock) -> None:
        self._askers = askers
        self._clock = clock
        self._verifiers: dict[str, TokenVerifier] = {}
        self._believed: dict[tuple[str, str], tuple[float, str]] = {}

    async def asker(self, token: str, publisher: str) -> str:
        """The context that asks `publisher`, which must be hosted here.

        Raises:
            AuthenticationError: the token is none that a remote of this host may show to `publisher`.
            UnavailableError: the keys of that remote can't be had right now.
        """
        ends, asker = self._believed.get((publisher, token), (0.0, ""))
        if self._clock.now().timestamp() < ends:
            return asker
        claims = await self._read(token, publisher)
        if len(self._believed) >= MOST_REMEMBERED:
            self._believed.clear()
        asker = str(claims["iss"])
        self._believed[publisher, token] = (claims["exp"], asker)
        return asker

    async def _read(self, token: str, publisher: str) -> Claims:
        if publisher not in self._verifiers:
            self._verifiers[publisher] = self._verifier(publisher)
        try:
            claims = await self._verifiers[publisher].claims(token)
        except AuthenticationError as error:
            raise refused() from error
        if claims["sub"] != claims["iss"] or not _is_short_lived(claims):
            raise refused()
        return claims

    def _verifier(self, publisher: str) -> TokenVerifier:
        issuers = [
            TokenIssuer(issuer=asker, audience=audience_of(publisher), find_key=keys, types=frozenset({TOKEN_TYPE}))
            for asker, keys in self._askers.items()
        ]
        return TokenVerifier(issuers, self._clock)


def _is_short_lived(claims: Claims) -> bool:
    return bool(0 < claims["exp"] - claims["iat"] <= LIFETIME.total_seconds())


def refused() -> AuthenticationError:
    """The same for every token that is not good, and for none."""
    return AuthenticationError(
        "This needs the service token of a context that HEDGEROW_REMOTES of this host names.", code=REFUSED
    )
