"""Service tokens: what is believed, and the corpus of what is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from hedgerow_core.domain import AuthenticationError
from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_core.security.tokens import LEEWAY_S, MAX_TOKEN_BYTES
from hedgerow_core.testing import FakeClock
from hedgerow_core.wire import HostKeys, OwnTokens, ServiceTokens
from hedgerow_core.wire.key_documents import keys_in
from hedgerow_core.wire.service_tokens import LIFETIME, TOKEN_TYPE

OURS, OTHERS = "the secret of our host, which is long enough", "the secret of another host, also long enough"
NEXT = "the secret that our host gets next, long enough"


def keys_of(secret: str, previous: str | None = None) -> HostKeys:
    before = SecretStr(previous) if previous else None
    return HostKeys(ServerSecret(SecretStr(secret), before, file=Path("nowhere")))


def published(keys: HostKeys) -> Any:
    """What another host knows of these keys: their document, and nothing else."""
    known = keys_in(keys.document, ("EdDSA",))

    async def find(kid: str) -> jwt.PyJWK | None:
        return known.get(kid)

    return find


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def at_users(clock: FakeClock) -> ServiceTokens:
    """The host of users, which knows where billing and shop live: on two hosts."""
    return ServiceTokens({"billing": published(keys_of(OURS)), "shop": published(keys_of(OTHERS))}, clock)


async def test_a_token_says_who_asks(at_users: ServiceTokens, clock: FakeClock) -> None:
    token = OwnTokens(keys_of(OURS), clock).token("billing", "users")

    assert await at_users.asker(token, "users") == "billing"


async def test_a_token_is_sent_for_half_its_life_and_then_signed_anew(
    at_users: ServiceTokens, clock: FakeClock
) -> None:
    own = OwnTokens(keys_of(OURS), clock)
    first = own.token("billing", "users")
    clock.advance(LIFETIME / 2 - timedelta(milliseconds=1))
    assert own.token("billing", "users") == first
    clock.advance(timedelta(seconds=1))
    second = own.token("billing", "users")
    assert second != first
    assert await at_users.asker(second, "users") == "billing"


async def test_a_clock_that_is_set_back_sends_no_token_of_the_future(clock: FakeClock) -> None:
    own = OwnTokens(keys_of(OURS), clock)
    first = own.token("billing", "users")
    clock.advance(-timedelta(hours=1))

    assert own.token("billing", "users") != first


PUBLIC = json.loads(keys_of(OURS).document)["keys"][0]
HEADER = {"typ": TOKEN_TYPE, "kid": PUBLIC["kid"]}


def good(clock: FakeClock) -> dict[str, Any]:
    """The claims of a token that billing shows to users."""
    now = int(clock.now().timestamp())
    return {"iss": "billing", "sub": "billing", "aud": "hedgerow:users", "iat": now, "exp": now + 60}


def forged(clock: FakeClock, *, secret: str = OURS, typ: str = TOKEN_TYPE, **claims: object) -> str:
    told = {name: value for name, value in (good(clock) | claims).items() if value is not None}
    return keys_of(secret).sign(told, typ=typ)


def soon(clock: FakeClock, seconds: float) -> float:
    return clock.now().timestamp() + seconds


CORPUS: Mapping[str, Any] = {
    "for another context": lambda clock: forged(clock, aud="hedgerow:shop"),
    "for nobody": lambda clock: forged(clock, aud=None),
    "for several": lambda clock: forged(clock, aud=["hedgerow:users", "hedgerow:shop"]),
    "for users of the product": lambda clock: forged(clock, aud="hedgerow"),
    "of a context that is no remote": lambda clock: forged(clock, iss="garden", sub="garden"),
    "of the host of another context": lambda clock: forged(clock, secret=OTHERS),
    "of one context, about another": lambda clock: forged(clock, sub="shop"),
    "of nobody": lambda clock: forged(clock, iss=None),
    "expired": lambda clock: forged(clock, iat=soon(clock, -120), exp=soon(clock, -LEEWAY_S - 1)),
    "of the future": lambda clock: forged(clock, iat=soon(clock, LEEWAY_S + 2), exp=soon(clock, 60)),
    "not yet good": lambda clock: forged(clock, nbf=soon(clock, LEEWAY_S + 2)),
    "without an end": lambda clock: forged(clock, exp=None),
    "without a beginning": lambda clock: forged(clock, iat=None),
    "good for an hour": lambda clock: forged(clock, exp=soon(clock, 3600)),
    "ended before it began": lambda clock: forged(clock, exp=soon(clock, -1)),
    "an access token": lambda clock: forged(clock, typ="at+jwt"),
    "a plain JWT": lambda clock: forged(clock, typ="JWT"),
    "a security event": lambda clock: forged(clock, events={}),
    "huge": lambda clock: forged(clock, more="x" * MAX_TOKEN_BYTES),
    "signed with HMAC": lambda clock: jwt.encode(good(clock), OURS, "HS256", headers=HEADER),
    "signed with the public key, as if it were a secret": lambda clock: jwt.encode(
        good(clock), base64.urlsafe_b64decode(PUBLIC["x"] + "="), "HS256", headers=HEADER
    ),
    "signed by nobody": lambda clock: jwt.encode(good(clock), None, "none", headers=HEADER),
    "changed on its way": lambda clock: forged(clock)[:-8] + "AAAAAAAA",
    "no token": lambda clock: "billing",
    "empty": lambda clock: "",
}


@pytest.mark.parametrize("what", CORPUS)
async def test_no_other_token_is_believed(at_users: ServiceTokens, clock: FakeClock, what: str) -> None:
    assert await at_users.asker(forged(clock), "users") == "billing", "the twin: the same, unforged"

    with pytest.raises(AuthenticationError) as refused:
        await at_users.asker(CORPUS[what](clock), "users")

    assert refused.value.code == "invalid_service_token"


async def test_who_is_no_remote_any_more_is_not_believed(clock: FakeClock) -> None:
    alone = ServiceTokens({}, clock)

    with pytest.raises(AuthenticationError):
        await alone.asker(forged(clock), "users")


async def test_while_the_secret_is_replaced_tokens_of_both_keys_are_believed(clock: FakeClock) -> None:
    others = ServiceTokens({"billing": published(keys_of(NEXT, OURS))}, clock)

    for secret in (OURS, NEXT):
        assert await others.asker(OwnTokens(keys_of(secret), clock).token("billing", "users"), "users") == "billing"

    afterwards = ServiceTokens({"billing": published(keys_of(NEXT))}, clock)
    with pytest.raises(AuthenticationError):
        await afterwards.asker(OwnTokens(keys_of(OURS), clock).token("billing", "users"), "users")


def test_the_private_half_of_a_key_is_not_published() -> None:
    keys = keys_of(OURS, OTHERS)

    assert b'"d"' not in keys.document
    assert len(keys_in(keys.document, ("EdDSA",))) == 2
