"""One issuer of tokens whose home is another host: its keys and revocations, as they were heard of last."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, final
from uuid import UUID

import jwt

from hedgerow_core.identity.documents import IssuerDocument, IssuerNews
from hedgerow_core.security import (
    BELIEVED_FOR_S,
    NEVER_READ,
    Confirm,
    IdentityUnknown,
    Principal,
    Revocations,
    TokenIssuer,
)
from hedgerow_core.wire.key_documents import KeysNotReadError, keys_in

LOOK_EVERY_S = 1.0
"""A storm of tokens with invented kids costs its home one question a second, not one a token."""
KEPT_FOR_S = 5.0
"""Behind one address there may be several processes, which don't learn of a revocation at the same moment."""

Look = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""Asks its home for the key of this name, as JWK."""


@final
class RemoteIssuer:
    """What this process knows of the issuer. Belongs to one event loop."""

    def __init__(
        self, document: IssuerDocument, *, look: Look, confirm: Confirm, monotonic: Callable[[], float]
    ) -> None:
        self.document = document
        self._algorithms = tuple(sorted(document.algorithms))
        self._look = look
        self._confirm = confirm
        self._monotonic = monotonic
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._revocations = NEVER_READ
        self._first_heard: Mapping[UUID, float] = {}
        self._heard_at = self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    def as_declared(self) -> TokenIssuer:
        """The issuer for the token verifier, held to the form that its home has declared."""
        document = self.document
        return TokenIssuer(
            issuer=document.issuer,
            audience=document.audience,
            find_key=self.find_key,
            is_revoked=self.is_revoked if document.revokes else None,
            algorithms=frozenset(document.algorithms),
            types=document.types,
            parties=document.parties,
            confirm=self._confirm if document.confirmed_at_home else None,
        )

    def take(self, news: IssuerNews, *, everything: bool, said_at: float) -> None:
        """Go by these news, which were said at this time of our monotonic clock, or later."""
        self._keys = _keys_in(news.keys, self._algorithms)
        age = math.inf if news.read_s_ago is None else max(0.0, news.read_s_ago)
        revoked = self._revocations.not_before
        if everything or news.revoked:
            revoked = self._with(news.revoked, self._kept(said_at) if everything else revoked)
            self._first_heard = {subject: self._first_heard.get(subject, said_at) for subject in revoked}
        self._revocations = Revocations(revoked, said_at - age)
        self._heard_at = said_at

    @staticmethod
    def _with(new: Mapping[UUID, float | None], known: Mapping[UUID, float]) -> Mapping[UUID, float]:
        moments = {subject: math.inf if moment is None else moment for subject, moment in new.items()}
        return {**known, **{subject: max(known.get(subject, 0.0), moment) for subject, moment in moments.items()}}

    def _kept(self, now: float) -> Mapping[UUID, float]:
        """What is too young to be forgotten, because the process that has answered may not have read it yet."""
        return {
            subject: moment
            for subject, moment in self._revocations.not_before.items()
            if now - self._first_heard[subject] < KEPT_FOR_S
        }

    async def find_key(self, kid: str) -> jwt.PyJWK | None:
        """The public key of that name; one that no news have named may be new, so its home is asked.

        Raises:
            IdentityUnknown: nothing was heard for five seconds: any key may have been withdrawn since.
            UnavailableError: its home can't be asked.
        """
        if self._monotonic() - self._heard_at > BELIEVED_FOR_S:
            raise IdentityUnknown
        return self._keys.get(kid) or await self._looked_up(kid)

    def is_revoked(self, principal: Principal, issued_at: float) -> bool:
        """Whether a token of that time has been called back (`RevocationCheck`).

        Raises:
            IdentityUnknown: what we know is older than five seconds.
        """
        if not self._revocations.are_fresh(self._monotonic()):
            raise IdentityUnknown
        return self._revocations.concern(principal, issued_at)

    async def _looked_up(self, kid: str) -> jwt.PyJWK | None:
        async with self._looking:
            now = self._monotonic()
            if kid not in self._keys and now - self._looked_at >= LOOK_EVERY_S:
                self._looked_at = now
                found = await self._look(kid)
                self._keys = {**self._keys, **_keys_in([] if found is None else [found], self._algorithms)}
            return self._keys.get(kid)


def _keys_in(jwks: Sequence[Mapping[str, Any]], algorithms: tuple[str, ...]) -> Mapping[str, jwt.PyJWK]:
    """Those that can verify a signature of the declared algorithms."""
    try:
        return keys_in(json.dumps({"keys": jwks}).encode(), algorithms)
    except KeysNotReadError:
        return {}
