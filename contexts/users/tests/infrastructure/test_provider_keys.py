"""The keys of a provider, fetched over real HTTP: when it is asked, what is believed, and what never is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from hedgerow_core.testing import LocalIssuer
from hedgerow_core.testing.local_issuer import DISCOVERY, KEYS, new_pair
from hedgerow_core.wire.key_documents import MAX_BYTES, MAX_KEYS, KeysNotReadError, keys_in
from hedgerow_core.wire.remote_keys import RemoteKeys
from hedgerow_users.application.identity_ports import ProviderKeysUnknown
from hedgerow_users.domain.identity_provider import IdentityProvider
from hedgerow_users.infrastructure import key_documents
from hedgerow_users.infrastructure.key_documents import KeyDocuments
from hedgerow_users.infrastructure.provider_keys import PATIENCE, provider_keys

RS256 = ("RS256",)
ASK_EVERY_S, STALE_FOR_S = PATIENCE.ask_every_s, PATIENCE.stale_for_s
FRESH_AT_LEAST_S, FRESH_AT_MOST_S = PATIENCE.fresh_at_least_s, PATIENCE.fresh_at_most_s


class Watch:
    """A monotonic clock under the test's control."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def local_issuer() -> Iterator[LocalIssuer]:
    issuer = LocalIssuer(algorithm="ES256")  # whose keys are made in no time
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture
def watch() -> Watch:
    return Watch()


def documents_of(issuer: LocalIssuer, **changes: Any) -> KeyDocuments:
    told: dict[str, Any] = {"name": "acme", "issuer": issuer.url, "audience": "us", "algorithms": ("ES256",)}
    return KeyDocuments(IdentityProvider(**told | changes))


def keys_of(issuer: LocalIssuer, watch: Watch) -> RemoteKeys:
    return provider_keys("acme", documents_of(issuer).fetch, watch)


async def asked(keys: RemoteKeys) -> None:
    """Wait until the question that goes on behind the requests is answered."""
    if keys._asking is not None:
        await keys._asking


async def test_keys_are_found_where_the_discovery_document_says_and_asked_for_once(
    local_issuer: LocalIssuer, watch: Watch
) -> None:
    keys = keys_of(local_issuer, watch)
    for _ in range(20):
        key = await keys.find(local_issuer.pairs[0].kid)

    assert key is not None
    assert key.algorithm_name == "ES256"
    assert local_issuer.fetches == {DISCOVERY: 1, KEYS: 1}


async def test_of_many_who_need_the_first_key_one_asks(local_issuer: LocalIssuer, watch: Watch) -> None:
    local_issuer.fault.slow_s = 0.05
    keys = keys_of(local_issuer, watch)
    found = await asyncio.gather(*(keys.find(local_issuer.pairs[0].kid) for _ in range(50)))

    assert None not in found
    assert local_issuer.key_fetches == 1


async def test_who_gives_up_waiting_does_not_end_it_for_the_others(local_issuer: LocalIssuer, watch: Watch) -> None:
    local_issuer.fault.slow_s = 0.05
    keys = keys_of(local_issuer, watch)
    impatient = asyncio.create_task(keys.find(local_issuer.pairs[0].kid))
    patient = asyncio.create_task(keys.find(local_issuer.pairs[0].kid))
    await asyncio.sleep(0.01)
    impatient.cancel()

    assert await patient is not None


async def test_an_unknown_name_is_asked_for_once_in_thirty_seconds(local_issuer: LocalIssuer, watch: Watch) -> None:
    keys = keys_of(local_issuer, watch)
    await keys.find(local_issuer.pairs[0].kid)
    new = local_issuer.rotate()

    assert await keys.find(new) is None
    watch.now += ASK_EVERY_S - 0.1
    assert await keys.find(new) is None
    watch.now += 0.1
    assert await keys.find(new) is not None
    assert local_issuer.key_fetches == 2


async def test_a_refresh_does_not_hold_up_whose_key_is_known(local_issuer: LocalIssuer, watch: Watch) -> None:
    keys, kid = keys_of(local_issuer, watch), local_issuer.pairs[0].kid
    await keys.find(kid)
    watch.now += FRESH_AT_LEAST_S
    local_issuer.fault.slow_s = 1.0

    async with asyncio.timeout(0.5):
        assert await keys.find(kid) is not None
        assert await keys.find(kid) is not None

    await keys.close()
    assert local_issuer.key_fetches <= 2


@pytest.mark.parametrize(
    ("cache_control", "fresh_for_s"),
    [
        (None, FRESH_AT_LEAST_S),
        ("no-store", FRESH_AT_LEAST_S),
        ("public, max-age=5", FRESH_AT_LEAST_S),
        ("public, max-age=3600, must-revalidate", 3600),
        ("s-maxage=7, Max-Age = 3600", 3600),
        ("max-age=999999999", FRESH_AT_MOST_S),
    ],
)
async def test_the_provider_says_how_long_keys_are_kept_in_bounds(
    local_issuer: LocalIssuer, watch: Watch, cache_control: str | None, fresh_for_s: float
) -> None:
    local_issuer.cache_control = cache_control
    keys, kid = keys_of(local_issuer, watch), local_issuer.pairs[0].kid
    await keys.find(kid)
    watch.now += fresh_for_s - 1
    await keys.find(kid)
    assert local_issuer.key_fetches == 1
    watch.now += 1
    await keys.find(kid)
    await asked(keys)
    assert local_issuer.key_fetches == 2


async def test_a_key_that_was_withdrawn_is_not_believed_after_the_refresh(
    local_issuer: LocalIssuer, watch: Watch
) -> None:
    keys, old = keys_of(local_issuer, watch), local_issuer.pairs[0].kid
    await keys.find(old)
    new = local_issuer.rotate(forget=True)
    watch.now += FRESH_AT_LEAST_S
    await keys.find(old)
    await asked(keys)

    assert (await keys.find(old), (await keys.find(new)) is None) == (None, False)


async def test_keys_outlive_their_provider_for_a_day_and_no_longer(local_issuer: LocalIssuer, watch: Watch) -> None:
    keys, kid = keys_of(local_issuer, watch), local_issuer.pairs[0].kid
    await keys.find(kid)
    local_issuer.stop()
    watch.now += FRESH_AT_LEAST_S + STALE_FOR_S - 1
    assert await keys.find(kid) is not None
    await asked(keys)
    assert await keys.find("invented") is None, "no 503 while we know keys"
    watch.now += 1
    with pytest.raises(ProviderKeysUnknown):
        await keys.find(kid)


async def test_before_the_first_keys_the_answer_is_come_again_and_says_when(
    local_issuer: LocalIssuer, watch: Watch
) -> None:
    local_issuer.stop()
    keys, kid = keys_of(local_issuer, watch), local_issuer.pairs[0].kid
    for passed, left in ((0, ASK_EVERY_S), (10, ASK_EVERY_S - 10), (19.5, 1)):
        watch.now += passed
        with pytest.raises(ProviderKeysUnknown) as refused:
            await keys.find(kid)
        assert refused.value.retry_after.total_seconds() == pytest.approx(left)
    local_issuer.start()
    watch.now += 0.5
    assert await keys.find(kid) is not None


async def test_a_fetch_that_fails_unforeseen_is_like_any_other(watch: Watch) -> None:
    async def thorns() -> Any:
        raise RuntimeError("thorns")

    with pytest.raises(ProviderKeysUnknown):
        await provider_keys("acme", thorns, watch).find("k1")


# What is taken for a key set


Break = Callable[[LocalIssuer], None]


def answering(path: str, body: object, status: int = 200, **headers: str) -> Break:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def set_up(issuer: LocalIssuer) -> None:
        issuer.fault.answers[path] = (status, headers, raw)

    return set_up


@pytest.mark.parametrize(
    ("set_up", "why"),
    [
        (answering(KEYS, b"", 302, Location="http://127.0.0.1:1/"), "answered 302"),
        (answering(KEYS, b"", 500), "answered 500"),
        (answering(KEYS, b"{" + b" " * MAX_BYTES), "more than"),
        (answering(KEYS, b"<html>"), "not JSON"),
        (answering(KEYS, b"[" * 100_000), "not JSON"),
        (answering(KEYS, []), "no JSON object"),
        (answering(KEYS, {"keys": {}}), "expected a key set"),
        (answering(KEYS, {"keys": []}), "no key that we can use"),
        (answering(KEYS, {"keys": [{}] * (MAX_KEYS + 1)}), "at most 100"),
        (answering(KEYS, {"keys": [1, None, {"kid": 1}]}), "no key that we can use"),
        (answering(KEYS, b"x", **{"Content-Encoding": "gzip"}), "compressed"),
        (answering(DISCOVERY, {"issuer": "https://evil.example", "jwks_uri": "x"}), "another issuer"),
        (answering(DISCOVERY, b"", 301, Location="http://127.0.0.1:1/"), "answered 301"),
    ],
)
async def test_what_is_no_key_set_is_refused_and_named(local_issuer: LocalIssuer, set_up: Break, why: str) -> None:
    set_up(local_issuer)
    with pytest.raises(KeysNotReadError, match=why):
        await documents_of(local_issuer).fetch()


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/jwks.json",
        "file:///etc/passwd",
        "ftp://id.example/keys",
        "//id.example/keys",
        "https://me:hush@id.example/keys",
        "https://",
        "",
        None,
        7,
    ],
)
async def test_discovery_leads_to_https_or_to_the_issuer_itself(local_issuer: LocalIssuer, address: object) -> None:
    answering(DISCOVERY, {"issuer": local_issuer.url, "jwks_uri": address})(local_issuer)
    with pytest.raises(KeysNotReadError, match="no https address"):
        await documents_of(local_issuer).fetch()


async def test_a_configured_address_does_without_discovery(local_issuer: LocalIssuer) -> None:
    await documents_of(local_issuer, jwks_url=f"{local_issuer.url}{KEYS}").fetch()

    assert local_issuer.fetches == {KEYS: 1}


async def test_where_keys_are_is_asked_anew_after_a_failure(local_issuer: LocalIssuer) -> None:
    documents = documents_of(local_issuer)
    await documents.fetch()
    await documents.fetch()
    assert local_issuer.fetches[DISCOVERY] == 1
    local_issuer.fault.failing = True
    with pytest.raises(KeysNotReadError):
        await documents.fetch()
    local_issuer.fault.failing = False
    await documents.fetch()
    assert local_issuer.fetches[DISCOVERY] == 2


async def test_a_provider_that_dawdles_is_given_up(
    local_issuer: LocalIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_documents, "ANSWER_WITHIN_S", 0.1)
    local_issuer.fault.slow_s = 0.5
    with pytest.raises(KeysNotReadError, match="Timeout"):
        await documents_of(local_issuer).fetch()


def rsa_jwk(bits: int) -> dict[str, Any]:
    return RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, bits).public_key(), as_dict=True)


def p384() -> dict[str, Any]:
    return ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)


GOOD = new_pair("RS256").jwk


@pytest.mark.parametrize(
    "useless",
    [
        GOOD | {"use": "enc"},
        GOOD | {"alg": "PS256"},
        GOOD | {"alg": "RS512"},
        GOOD | {"alg": None},
        GOOD | {"key_ops": ["sign"]},
        GOOD | {"key_ops": "verify"},
        GOOD | {"kid": ""},
        GOOD | {"kid": 5},
        GOOD | {"kid": "k" * 256},
        GOOD | {"kid": "a\nb"},
        GOOD | {"n": "!"},
        GOOD | {"n": 5},
        GOOD | {"e": "AA"},
        {name: value for name, value in GOOD.items() if name != "n"},
        rsa_jwk(1024) | {"kid": "weak", "use": "sig"},
        p384() | {"kid": "p384"},
        new_pair("ES256").jwk,
        new_pair("EdDSA").jwk,
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "RS256"},
    ],
)
def test_a_key_that_is_not_for_our_verification_is_passed_over(useless: dict[str, Any]) -> None:
    other = GOOD | {"kid": "other"}
    assert list(keys_in(json.dumps({"keys": [useless, other]}).encode(), RS256)) == ["other"]


def test_of_two_keys_of_one_name_the_first_counts_and_a_key_has_one_algorithm() -> None:
    second = {**new_pair("RS256").jwk, "kid": GOOD["kid"]}
    silent = {name: value for name, value in GOOD.items() if name not in ("alg", "use")} | {"kid": "silent"}
    found = keys_in(json.dumps({"keys": [GOOD, second, silent]}).encode(), ("PS256", "RS256"))

    assert {kid: key.algorithm_name for kid, key in found.items()} == {GOOD["kid"]: "RS256", "silent": "PS256"}
    assert found[GOOD["kid"]].key.public_numbers() == found["silent"].key.public_numbers()


def test_the_private_half_is_not_even_looked_at() -> None:
    leaked = GOOD | {"d": "AQAB", "p": "AQAB"}
    (key,) = keys_in(json.dumps({"keys": [leaked]}).encode(), RS256).values()

    assert isinstance(key.key, rsa.RSAPublicKey)
