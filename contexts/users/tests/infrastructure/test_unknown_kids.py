"""Ten thousand tokens with invented names of keys cost the provider one question in 30 s (experiment 26)."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Iterator
from functools import partial

import pytest

from hedgerow_core.domain import AuthenticationError, new_id
from hedgerow_core.security import Claims, Principal, TokenIssuer, TokenVerifier
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_core.wire.remote_keys import RemoteKeys
from hedgerow_users.application.identity_ports import ProviderKeysUnknown
from hedgerow_users.domain.identity_provider import IdentityProvider
from hedgerow_users.infrastructure.key_documents import KeyDocuments
from hedgerow_users.infrastructure.provider_keys import PATIENCE

TOKENS, AT_ONCE, GOOD_EVERY = 10_000, 250, 100
FEW = 10
PRINCIPAL = Principal(subject=new_id(), session=None, roles=frozenset())


class Forgetful(RemoteKeys):
    """The mutant: nobody remembers that it has just been asked."""

    def _may_ask(self, now: float) -> bool:
        return True


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(algorithm="ES256")
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture
def seed() -> int:
    return random.randrange(2**32)


async def resolve(_claims: Claims) -> Principal:
    return PRINCIPAL


class Storm:
    """Who sends tokens with invented kids, and somebody with a good one among them."""

    def __init__(self, issuer: LocalIssuer, clock: FakeClock, kind: type[RemoteKeys], seed: int) -> None:
        self.now, self.accepted, self.forged, self.good = 0.0, 0, 0, 0
        provider = IdentityProvider(name="a", issuer=issuer.url, audience=issuer.audience, algorithms=("ES256",))
        keys = kind(
            "a", KeyDocuments(provider).fetch, PATIENCE, partial(ProviderKeysUnknown, "a"), lambda: self.now
        )
        trusted = TokenIssuer(
            issuer=issuer.url,
            audience=issuer.audience,
            find_key=keys.find,
            algorithms=frozenset({"ES256"}),
            types=frozenset({"jwt"}),
            parties=frozenset(),
            resolve=resolve,
        )
        self._verifier = TokenVerifier([trusted], clock)
        self._token = issuer.token("ann", at=clock.now())
        self._random = random.Random(seed)

    async def blow(self, tokens: int) -> None:
        for first in range(0, tokens, AT_ONCE):
            size = min(AT_ONCE, tokens - first)
            await asyncio.gather(*(self._send(first + place) for place in range(size)))

    async def _send(self, number: int) -> None:
        good = number % GOOD_EVERY == 0
        try:
            await self._verifier.verify(self._token if good else self._invented())
        except AuthenticationError:
            self.forged += not good
            return
        self.good += good
        self.accepted += not good

    def _invented(self) -> str:
        kid = self._random.randbytes(12).hex()
        header = json.dumps({"alg": "ES256", "typ": "JWT", "kid": kid}).encode()
        return ".".join((base64.urlsafe_b64encode(header).decode().rstrip("="), *self._token.split(".")[1:]))


async def test_invented_kids_cost_one_fetch_in_thirty_seconds_while_good_tokens_pass(
    issuer: LocalIssuer, clock: FakeClock, seed: int
) -> None:
    storm = Storm(issuer, clock, RemoteKeys, seed)
    await storm.blow(TOKENS)
    first = issuer.key_fetches
    storm.now += PATIENCE.ask_every_s
    await storm.blow(TOKENS // 10)

    print(f"experiment 26, seed {seed}: {TOKENS} invented kids, {first} fetch, {issuer.key_fetches} after 30 s")
    assert (first, issuer.key_fetches) == (1, 2)
    sent = TOKENS + TOKENS // 10
    assert (storm.accepted, storm.good, storm.forged) == (0, sent // GOOD_EVERY, sent - sent // GOOD_EVERY)


async def test_good_tokens_pass_and_nothing_is_asked_while_the_provider_is_away(
    issuer: LocalIssuer, clock: FakeClock, seed: int
) -> None:
    storm = Storm(issuer, clock, RemoteKeys, seed)
    await storm.blow(1)
    issuer.stop()
    storm.now += PATIENCE.ask_every_s
    await storm.blow(FEW * GOOD_EVERY)

    assert (storm.accepted, storm.good) == (0, 1 + FEW)


async def test_without_a_memory_of_questions_the_provider_would_be_stormed(
    issuer: LocalIssuer, clock: FakeClock, seed: int
) -> None:
    storm = Storm(issuer, clock, Forgetful, seed)
    for _ in range(FEW):
        await storm.blow(10)

    assert issuer.key_fetches > 1
