"""Tokens of other issuers: believed by their own marks, held to the same corpus, and resolved to one of ours."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from core.tests.security.test_token_corpus import AT_LEAST, believed
from core.tests.security.token_corpus import ALGORITHMS, Sign, forged, signed_but_wrong
from hedgerow_core.domain import AuthenticationError, AuthorizationError, new_id
from hedgerow_core.security import Claims, Principal, TokenIssuer, TokenVerifier
from hedgerow_core.security.tokens import MAX_SUBJECT_LENGTH
from hedgerow_core.testing import FakeClock, LocalIssuer
from hedgerow_core.testing.local_issuer import new_pair

PRINCIPAL = Principal(subject=new_id(), session=None, roles=frozenset({"user"}))
EXTERNAL = ("RS256", "PS256", "ES256", "EdDSA")


@pytest.fixture(scope="module", params=EXTERNAL)
def issuer(request: pytest.FixtureRequest) -> LocalIssuer:
    return LocalIssuer(algorithm=request.param, audience="here")


async def resolve(_claims: Claims) -> Principal:
    return PRINCIPAL


def verifier(issuer: LocalIssuer, clock: FakeClock, **changes: Any) -> TokenVerifier:
    async def find_key(kid: str) -> jwt.PyJWK | None:
        return next((jwt.PyJWK(pair.jwk) for pair in issuer.pairs if pair.kid == kid), None)

    told: dict[str, Any] = {
        "issuer": issuer.url,
        "audience": "here",
        "find_key": find_key,
        "algorithms": frozenset({issuer.algorithm}),
        "types": frozenset({"at+jwt", "jwt", None}),
        "parties": frozenset({"app"}),
        "resolve": resolve,
    }
    return TokenVerifier([TokenIssuer(**told | changes)], clock)


def signs(issuer: LocalIssuer) -> Sign:
    algorithm, private = jwt.get_algorithm_by_name(issuer.algorithm), issuer.pairs[-1].private
    return lambda text: algorithm.sign(text, private)


async def test_a_good_token_speaks_for_whom_its_claims_resolve_to(issuer: LocalIssuer, clock: FakeClock) -> None:
    seen: list[Claims] = []

    async def noting(claims: Claims) -> Principal:
        seen.append(claims)
        return PRINCIPAL

    token = issuer.token("auth0|42", at=clock.now(), roles=["super_admin"], sid="not-a-uuid")
    principal = await verifier(issuer, clock, resolve=noting).verify(token)

    assert principal is PRINCIPAL
    assert [claims["sub"] for claims in seen] == ["auth0|42"]


async def test_what_resolve_says_is_what_the_caller_hears(issuer: LocalIssuer, clock: FakeClock) -> None:
    async def nobody(_claims: Claims) -> Principal:
        raise AuthorizationError("no")

    with pytest.raises(AuthorizationError):
        await verifier(issuer, clock, resolve=nobody).verify(issuer.token("x", at=clock.now()))


async def test_nobody_is_resolved_whose_token_is_not_good(issuer: LocalIssuer, clock: FakeClock) -> None:
    async def never(_claims: Claims) -> Principal:
        raise AssertionError("asked")

    strict = verifier(issuer, clock, resolve=never)
    good = issuer.token("x", at=clock.now())
    forgeries = forged(good, issuer.pairs[-1].private.public_key())
    assert await believed(strict, [*forgeries, issuer.token("x", at=clock.now(), exp=1)]) == []


async def test_a_forged_token_is_never_believed(issuer: LocalIssuer, clock: FakeClock) -> None:
    tokens = list(forged(issuer.token("42", at=clock.now()), issuer.pairs[-1].private.public_key()))

    assert len(set(tokens)) >= AT_LEAST
    assert await believed(verifier(issuer, clock), tokens) == []


async def test_a_token_of_the_true_key_is_not_believed_whatever_it_says(
    issuer: LocalIssuer, clock: FakeClock
) -> None:
    def harmless(name: str, value: object) -> bool:
        if name == "sub":  # anything printable names somebody there
            return isinstance(value, str) and value != ""
        if name in ("sid", "roles"):  # ours are our own
            return True
        return (name == "typ" and value in ("JWT", "jwt")) or (name == "alg" and value == issuer.algorithm)

    tokens = list(signed_but_wrong(issuer.token("42", at=clock.now()), signs(issuer), harmless))

    assert len(tokens) > len(ALGORITHMS)
    assert await believed(verifier(issuer, clock), tokens) == []


async def test_the_corpus_would_find_a_believer(issuer: LocalIssuer, clock: FakeClock) -> None:
    good = issuer.token("42", at=clock.now())

    assert await believed(verifier(issuer, clock), [good]) == [good]
    believer = verifier(issuer, clock, types=frozenset({"id+jwt", "jwt"}))
    wrong = signed_but_wrong(good, signs(issuer), lambda name, _value: name != "typ")
    assert len(await believed(believer, wrong)) > 0


async def test_an_issuer_signs_with_its_own_algorithms_alone(issuer: LocalIssuer, clock: FakeClock) -> None:
    others = [algorithm for algorithm in EXTERNAL if algorithm != issuer.algorithm]
    picky = verifier(issuer, clock, algorithms=frozenset(others))

    assert await believed(picky, [issuer.token("x", at=clock.now())]) == []


async def test_a_key_is_good_for_one_algorithm_even_where_the_issuer_has_several(clock: FakeClock) -> None:
    issuer = LocalIssuer(algorithm="RS256", audience="here")
    both = verifier(issuer, clock, algorithms=frozenset({"RS256", "PS256"}))
    good = issuer.token("x", at=clock.now())
    issuer.algorithm = "PS256"
    crossed = issuer.token("x", at=clock.now())

    assert await believed(both, [good, crossed]) == [good]


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({}, True),
        ({"aud": ["here"]}, True),
        ({"aud": "here", "azp": "app"}, True),
        ({"aud": ["here", "there"], "azp": "app"}, True),
        ({"aud": ["here", "there"]}, False),
        ({"aud": ["here", "there"], "azp": "stranger"}, False),
        ({"aud": "here", "azp": "stranger"}, False),
        ({"aud": "here", "azp": ""}, False),
        ({"aud": "here", "azp": ["app"]}, False),
        ({"aud": ["there"], "azp": "app"}, False),
        ({"aud": [], "azp": "app"}, False),
        ({"nonce": "n-0S6_WzA2Mj"}, False),
        ({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, False),
        ({"c_hash": "LDktKdoQak3Pk0cnXxCltA"}, False),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, False),
        ({"sub": "x" * MAX_SUBJECT_LENGTH}, True),
        ({"sub": "x" * (MAX_SUBJECT_LENGTH + 1)}, False),
        ({"sub": "x\x00"}, False),
        ({"sub": ""}, False),
    ],
)
async def test_a_token_is_for_us_and_was_issued_to_a_party_that_we_know(
    clock: FakeClock, claims: dict[str, object], good: bool
) -> None:
    issuer = LocalIssuer(algorithm="EdDSA", audience="here")
    token = issuer.token("x", at=clock.now(), **claims)

    assert bool(await believed(verifier(issuer, clock), [token])) is good


async def test_a_token_that_does_not_say_its_type_is_believed_where_that_is_allowed(clock: FakeClock) -> None:
    issuer = LocalIssuer(algorithm="EdDSA", audience="here")
    untyped = issuer.token("x", at=clock.now(), header={"typ": None})

    await verifier(issuer, clock).verify(untyped)
    with pytest.raises(AuthenticationError):
        await verifier(issuer, clock, types=frozenset({"at+jwt", "jwt"})).verify(untyped)
    with pytest.raises(AuthenticationError):
        await verifier(issuer, clock).verify(issuer.token("x", at=clock.now(), header={"typ": "absent"}))


async def test_keys_of_one_issuer_do_not_sign_for_another(clock: FakeClock) -> None:
    issuer = LocalIssuer(algorithm="ES256", audience="here")
    stranger = new_pair("ES256")
    stranger.jwk["kid"] = issuer.pairs[-1].kid

    assert await believed(verifier(issuer, clock), [issuer.token("x", at=clock.now(), pair=stranger)]) == []


async def test_claims_are_read_without_asking_whom_they_speak_for(clock: FakeClock) -> None:
    issuer = LocalIssuer(algorithm="EdDSA", audience="here")

    claims = await verifier(issuer, clock, resolve=None).claims(issuer.token("42", at=clock.now()))

    assert claims["sub"] == "42"
    with pytest.raises(AuthenticationError):
        await verifier(issuer, clock).claims(issuer.token("42", at=clock.now(), aud="there"))
