"""Which access tokens are believed, and which never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from hedgerow_core.domain import AuthenticationError, UnavailableError, new_id
from hedgerow_core.security import Principal, TokenIssuer, TokenVerifier
from hedgerow_core.security.tokens import LEEWAY_S
from hedgerow_core.testing import FakeClock

KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
SUBJECT, SESSION = new_id(), new_id()
LIFETIME = timedelta(minutes=5)


async def find_key(kid: str) -> jwt.PyJWK | None:
    if kid != "k1":
        return None
    return jwt.PyJWK(OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True), algorithm="EdDSA")


def verifier(clock: FakeClock) -> TokenVerifier:
    return TokenVerifier([TokenIssuer(issuer="us", audience="here", find_key=find_key)], clock)


def token(clock: FakeClock, *, key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    now = int(clock.now().timestamp())
    claims = {
        "iss": "us",
        "aud": "here",
        "sub": str(SUBJECT),
        "sid": str(SESSION),
        "iat": now,
        "exp": now + int(LIFETIME.total_seconds()),
        "roles": ["user"],
    } | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, "EdDSA", headers={"typ": "at+jwt", "kid": "k1"} | (header or {}))


async def test_a_good_token_says_who_asks(clock: FakeClock) -> None:
    principal = await verifier(clock).verify(token(clock))

    assert (principal.subject, principal.session, principal.roles) == (SUBJECT, SESSION, {"user"})


async def test_a_token_expires_by_our_clock_after_a_little_leeway(clock: FakeClock) -> None:
    good = token(clock)

    clock.advance(LIFETIME + timedelta(seconds=LEEWAY_S))
    await verifier(clock).verify(good)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(AuthenticationError) as refused:
        await verifier(clock).verify(good)

    assert refused.value.code == "token_expired"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OTHER_KEY},
        {"header": {"kid": "k2"}},
        {"header": {"typ": "JWT"}},
        {"header": {"crit": ["b64"], "b64": False}},
        {"header": {"jwk": {"kty": "OKP"}, "kid": "k3"}},
        {"iss": "us.evil"},
        {"iss": "u"},
        {"iss": None},
        {"aud": "there"},
        {"aud": None},
        {"sub": None},
        {"sub": "42"},
        {"sid": "42"},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": "x"},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"nbf": "x"},
        {"exp": 10**400},
        {"roles": 5},
    ],
)
async def test_a_token_that_is_wrong_in_any_respect_is_invalid(clock: FakeClock, changes: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError) as refused:
        await verifier(clock).verify(token(clock, **changes))

    assert refused.value.code == "invalid_token"


async def test_no_other_algorithm_is_believed_not_even_signed_with_the_public_key(clock: FakeClock) -> None:
    public = KEY.public_key().public_bytes_raw()
    claims = jwt.decode(token(clock), options={"verify_signature": False})
    for algorithm, key in (("HS256", public), ("none", None)):
        forged = jwt.encode(claims, key, algorithm, headers={"typ": "at+jwt", "kid": "k1"})  # type: ignore[arg-type]
        with pytest.raises(AuthenticationError):
            await verifier(clock).verify(forged)


async def test_a_token_that_was_called_back_is_revoked_and_its_issuer_is_told_when_it_was_issued(
    clock: FakeClock,
) -> None:
    asked: list[tuple[UUID | None, float]] = []

    def is_revoked(principal: Principal, issued_at: float) -> bool:
        asked.append((principal.session, issued_at))
        return True

    issuer = TokenIssuer(issuer="us", audience="here", find_key=find_key, is_revoked=is_revoked)
    issued = clock.now().timestamp() + 0.25
    with pytest.raises(AuthenticationError) as refused:
        await TokenVerifier([issuer], clock).verify(token(clock, iat=issued))

    assert (refused.value.code, asked) == ("token_revoked", [(SESSION, issued)])


async def test_who_is_not_believed_anyway_is_not_looked_up(clock: FakeClock) -> None:
    def never(_principal: Principal, _issued_at: float) -> bool:
        raise AssertionError("asked")

    issuer = TokenIssuer(issuer="us", audience="here", find_key=find_key, is_revoked=never)
    with pytest.raises(AuthenticationError):
        await TokenVerifier([issuer], clock).verify(token(clock, key=OTHER_KEY))


async def test_while_nobody_knows_what_was_revoked_the_answer_is_come_again(clock: FakeClock) -> None:
    def unknown(_principal: Principal, _issued_at: float) -> bool:
        raise UnavailableError("not now", retry_after=timedelta(seconds=1))

    issuer = TokenIssuer(issuer="us", audience="here", find_key=find_key, is_revoked=unknown)
    with pytest.raises(UnavailableError):
        await TokenVerifier([issuer], clock).verify(token(clock))
