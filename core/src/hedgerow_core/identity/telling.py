"""Where a context is at home: what its authenticators say, told to the hosts that believe them, too.

Everything is answered from what the authenticators have in memory or look up themselves; nothing is kept here but
what was told last, so that a question for news can wait until there are any.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final
from uuid import UUID

import jwt

from hedgerow_core.domain import Clock, DomainError
from hedgerow_core.http import CookieMode
from hedgerow_core.identity.documents import (
    Confirmation,
    IdentityDocument,
    IssuerDocument,
    IssuerNews,
    KeyQuestion,
    News,
    NewsQuestion,
    PermissionDocument,
    PrincipalDocument,
    SigningKeyAnswer,
    SigningKeyQuestion,
    TokenQuestion,
)
from hedgerow_core.questions.replies import reply_with_error
from hedgerow_core.security import (
    NEVER_READ,
    KeyAuthority,
    Permission,
    Principal,
    Revocations,
    TokenIssuer,
    TokenVerifier,
)

HELD_S = 1.0
"""So long a question waits for news. Who hears nothing for longer than that begins to doubt."""
LOOK_EVERY_S = 0.02
"""So often a waiting question looks into the memory of this process."""

_Keys = Mapping[str, Mapping[str, jwt.PyJWK]]
"""Public keys by issuer and `kid`."""


@final
class Voucher:
    """Speaks for the authenticators of one context. Belongs to one event loop."""

    def __init__(
        self,
        context: str,
        *,
        issuers: Sequence[TokenIssuer],
        keys: Sequence[KeyAuthority],
        cookies: Sequence[CookieMode],
        permissions: Sequence[Permission],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._issuers = {issuer.issuer: issuer for issuer in issuers if issuer.may_be_told}
        self._keys = keys
        self._cookies = cookies
        self._permissions = permissions
        self._verifier = TokenVerifier(list(self._issuers.values()), clock)
        self._monotonic = monotonic
        self._process = secrets.token_hex(8)
        self._version = 0
        self._told = {name: _Told() for name in self._issuers}

    def document(self) -> IdentityDocument:
        """What the context is believed in."""
        return IdentityDocument(
            context=self._context,
            issuers=tuple(_described(issuer) for issuer in self._issuers.values()),
            key_prefixes=tuple(authority.prefix for authority in self._keys),
            cookies=tuple(mode.access_cookie for mode in self._cookies),
            permissions=tuple(
                PermissionDocument(name=each.name, role=each.role, summary=each.summary)
                for each in self._permissions
            ),
        )

    async def news(self, question: NewsQuestion) -> News:
        """What is new; waits for it for a second, and then says that nothing is."""
        started = self._monotonic()
        while True:
            keys = {name: await issuer.keys() for name, issuer in self._issuers.items() if issuer.keys}
            self._look(keys)
            held = self._monotonic() - started
            if question.seen != self._mark or held >= HELD_S:
                return self._since(question.seen, keys, held)
            await asyncio.sleep(LOOK_EVERY_S)

    async def signing_key(self, question: SigningKeyQuestion) -> SigningKeyAnswer:
        """The key that a token names, as its issuer finds it.

        Raises:
            UnavailableError: the issuer can't say.
        """
        issuer = self._issuers.get(question.issuer)
        key = await issuer.find_key(question.kid) if issuer is not None else None
        return SigningKeyAnswer(key=None if key is None else _jwk(question.kid, key))

    async def whose_key(self, question: KeyQuestion) -> bytes:
        """A `Confirmation` of whom an API key speaks for."""
        for authority in self._keys:
            if question.key.startswith(authority.prefix):
                return await _confirmed(authority.find(question.key, question.network))
        return Confirmation().model_dump_json().encode()

    async def whose_token(self, question: TokenQuestion) -> bytes:
        """A `Confirmation` of whom an access token speaks for, which is verified here once more."""
        return await _confirmed(self._verifier.verify(question.token))

    @property
    def _mark(self) -> str:
        return f"{self._process}:{self._version}"

    def _look(self, keys: _Keys) -> None:
        """Take note of what has changed in the memory of this process."""
        version = self._version + 1
        for name, issuer in self._issuers.items():
            found = issuer.revocations() if issuer.revocations is not None else NEVER_READ
            if self._told[name].take(found, frozenset(keys[name]), version):
                self._version = version

    def _since(self, seen: str | None, keys: _Keys, held: float) -> News:
        process, _, version = (seen or "").partition(":")
        everything = process != self._process or not version.isdecimal()
        after = -1 if everything else int(version)
        now = self._monotonic()
        return News(
            mark=self._mark,
            everything=everything,
            held_s=held,
            issuers={
                name: IssuerNews(
                    keys=tuple(_jwk(kid, key) for kid, key in keys[name].items()),
                    revoked=told.after(after),
                    read_s_ago=told.read_s_ago(now),
                )
                for name, told in self._told.items()
            },
        )


@dataclass(slots=True)
class _Told:
    """What was seen of one issuer, and in which version for the first time."""

    revocations: Revocations = NEVER_READ
    kids: frozenset[str] = frozenset()
    since: dict[UUID, int] = field(default_factory=dict)

    def take(self, found: Revocations, kids: frozenset[str], version: int) -> bool:
        """Whether something is new."""
        before, self.revocations = self.revocations.not_before, found
        other_keys, self.kids = kids != self.kids, kids
        if found.not_before is before:
            return other_keys
        new = [subject for subject, moment in found.not_before.items() if before.get(subject) != moment]
        self.since = {subject: at for subject, at in self.since.items() if subject in found.not_before}
        self.since.update(dict.fromkeys(new, version))
        return bool(new) or other_keys

    def after(self, version: int) -> Mapping[UUID, float | None]:
        """What is revoked since a version."""
        moments = self.revocations.not_before
        return {
            subject: moments[subject] if math.isfinite(moments[subject]) else None
            for subject, at in self.since.items()
            if at > version
        }

    def read_s_ago(self, now: float) -> float | None:
        age = now - self.revocations.read_at
        return age if math.isfinite(age) else None


def _described(issuer: TokenIssuer) -> IssuerDocument:
    return IssuerDocument.model_validate(
        {
            "issuer": issuer.issuer,
            "audience": issuer.audience,
            "algorithms": issuer.algorithms,
            "types": issuer.types,
            "parties": issuer.parties,
            "confirmed_at_home": issuer.resolve is not None or issuer.confirm is not None,
            "revokes": issuer.is_revoked is not None,
        }
    )


def _jwk(kid: str, key: jwt.PyJWK) -> Mapping[str, Any]:
    """A public key as it is published: no issuer lists a private one, and if one did, this would leave it out."""
    written = key.Algorithm.to_jwk(key.key, as_dict=False)
    members: dict[str, Any] = json.loads(written)
    public = {name: value for name, value in members.items() if name in ("kty", "crv", "x", "y", "n", "e")}
    return public | {"kid": kid, "use": "sig", "alg": key.algorithm_name}


async def _confirmed(finding: Any) -> bytes:
    try:
        found: Principal | None = await finding
    except DomainError as error:
        return reply_with_error(error)
    told = Confirmation(principal=None if found is None else PrincipalDocument.of(found))
    return told.model_dump_json().encode()
