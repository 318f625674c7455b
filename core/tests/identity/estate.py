"""A context that vouches for people, and the way to it from another host: all that is said, without HTTP."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm
from pydantic import BaseModel

from hedgerow_core.domain import SystemClock, UnavailableError, new_id
from hedgerow_core.http import CookieMode
from hedgerow_core.identity import (
    KeyQuestion,
    NewsQuestion,
    SigningKeyQuestion,
    TokenQuestion,
    Voucher,
)
from hedgerow_core.security import KeyAuthority, Permission, Principal, Revocations, TokenIssuer
from hedgerow_core.wire import PeerAway

PREFIX = "rose_"
LIFETIME = timedelta(minutes=5)


class Watch:
    """`time.monotonic`, which a test may set forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Garden:
    """The context at home: one process of its host."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.pairs = {"k1": Ed25519PrivateKey.generate()}
        self.revoked: Mapping[UUID, float] = {}
        self.read_at: float | None = None
        """When the revocations were read; None: just now, whenever somebody asks."""
        self.people: dict[str, Principal] = {}
        """By API key."""
        self.asked: Counter[str] = Counter()
        """How often its authenticators were asked, by key and by `kid`."""
        self.cookies: list[CookieMode] = []
        self.permissions = [Permission("garden:rose:cut", "admin", "Cut roses")]
        self.broken: UnavailableError | None = None

    def issuer(self, **changes: Any) -> TokenIssuer:
        declared: dict[str, Any] = {
            "issuer": "garden",
            "audience": "here",
            "find_key": self.find_key,
            "is_revoked": lambda principal, issued: self.revocations().concern(principal, issued),
            "keys": self.keys,
            "revocations": self.revocations,
        }
        return TokenIssuer(**declared | changes)

    def voucher(self, *issuers: TokenIssuer, prefix: str = PREFIX) -> Voucher:
        return Voucher(
            "garden",
            issuers=issuers or [self.issuer()],
            keys=[KeyAuthority(prefix=prefix, find=self.find)],
            cookies=self.cookies,
            permissions=self.permissions,
            clock=SystemClock(),
            monotonic=self.watch,
        )

    async def keys(self) -> Mapping[str, jwt.PyJWK]:
        """With the private halves, which no issuer should list."""
        return {kid: _jwk(pair) for kid, pair in self.pairs.items()}

    async def find_key(self, kid: str) -> jwt.PyJWK | None:
        self.asked[kid] += 1
        return _jwk(self.pairs[kid]) if kid in self.pairs else None

    def revocations(self) -> Revocations:
        return Revocations(self.revoked, self.watch() if self.read_at is None else self.read_at)

    def revoke(self, *subjects: UUID, before: float = float("inf")) -> None:
        self.revoked = {**self.revoked, **dict.fromkeys(subjects, before)}

    async def find(self, key: str, _network: str) -> Principal | None:
        self.asked[key] += 1
        if self.broken is not None:
            raise self.broken
        return self.people.get(key)

    def token(self, principal: Principal, *, kid: str = "k1", **changes: Any) -> str:
        now = time.time()
        claims = {
            "iss": "garden",
            "aud": "here",
            "sub": str(principal.subject),
            "sid": str(principal.session),
            "iat": now,
            "exp": now + LIFETIME.total_seconds(),
            "roles": sorted(principal.roles),
        }
        return jwt.encode(claims | changes, self.pairs[kid], "EdDSA", headers={"typ": "at+jwt", "kid": kid})


class Lane:
    """The way to a voucher (port `Home`): what is said goes through the same shapes as over HTTP."""

    def __init__(self, *vouchers: Voucher) -> None:
        self.vouchers = list(vouchers)
        """Processes behind one address, which are asked in turn."""
        self.said: Counter[str] = Counter()
        self.news: list[bytes] = []
        self.away = False
        self.garbled: bytes | None = None
        """What is answered instead, but for news."""
        self.slow_s = 0.0
        self.at_once = self.most_at_once = 0

    async def ask(self, what: str, question: BaseModel | None, *, within: timedelta) -> bytes:
        self.said[what] += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.slow_s)
        self.at_once -= 1
        if self.away:
            raise PeerAway("garden")
        if self.garbled is not None and what != "news":
            return self.garbled
        voucher = self.vouchers[self.said.total() % len(self.vouchers)]
        asked = b"" if question is None else question.model_dump_json().encode()
        async with asyncio.timeout(within.total_seconds()):
            answer = await _answered(voucher, what, asked)
        if what == "news":
            self.news.append(answer)
        return answer


async def _answered(voucher: Voucher, what: str, question: bytes) -> bytes:
    match what:
        case "":
            return voucher.document().model_dump_json().encode()
        case "news":
            return (await voucher.news(NewsQuestion.model_validate_json(question))).model_dump_json().encode()
        case "signing-key":
            found = await voucher.signing_key(SigningKeyQuestion.model_validate_json(question))
            return found.model_dump_json().encode()
        case "key":
            return await voucher.whose_key(KeyQuestion.model_validate_json(question))
        case _:
            return await voucher.whose_token(TokenQuestion.model_validate_json(question))


def somebody(*, scopes: frozenset[str] | None = None) -> Principal:
    session = new_id() if scopes is None else None
    return Principal(subject=new_id(), session=session, roles=frozenset({"user"}), scopes=scopes)


def _jwk(pair: Ed25519PrivateKey) -> jwt.PyJWK:
    return jwt.PyJWK(OKPAlgorithm.to_jwk(pair, as_dict=True), algorithm="EdDSA")
