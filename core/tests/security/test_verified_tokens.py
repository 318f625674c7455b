"""A token that was good needs no second look at its signature, and is good not a moment longer for that."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from jwt.algorithms import OKPAlgorithm

from core.tests.security.test_tokens import KEY, LIFETIME, OTHER_KEY, token
from hedgerow_core.domain import AuthenticationError
from hedgerow_core.security import Principal, TokenIssuer, TokenVerifier, verified_tokens
from hedgerow_core.security.tokens import LEEWAY_S
from hedgerow_core.testing import FakeClock

PUBLIC, OTHER = (OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) for key in (KEY, OTHER_KEY))


class CountedKey(jwt.PyJWK):
    """A key that counts how often it was asked about a signature."""

    asked = 0

    @property
    def key(self) -> object:
        type(self).asked += 1
        return self._key

    @key.setter
    def key(self, key: object) -> None:
        self._key = key


class Site:
    """An issuer whose key can be exchanged, and whose tokens can be called back; and who believes it."""

    def __init__(self, clock: FakeClock) -> None:
        CountedKey.asked = 0
        self.keys: dict[str, jwt.PyJWK] = {"k1": CountedKey(PUBLIC, algorithm="EdDSA")}
        self.revoked = False
        self.verifier = TokenVerifier([self.issuer], clock)

    @property
    def issuer(self) -> TokenIssuer:
        return TokenIssuer(issuer="us", audience="here", find_key=self._find, is_revoked=self._is_revoked)

    async def _find(self, kid: str) -> jwt.PyJWK | None:
        return self.keys.get(kid)

    def _is_revoked(self, _principal: Principal, _issued_at: float) -> bool:
        return self.revoked

    async def refuses(self, presented: str) -> str:
        """The code with which it is refused."""
        with pytest.raises(AuthenticationError) as refused:
            await self.verifier.verify(presented)
        return refused.value.code


@pytest.fixture
async def site(clock: FakeClock) -> Site:
    return Site(clock)


async def test_a_signature_is_looked_at_once(site: Site, clock: FakeClock) -> None:
    good = token(clock)
    await site.verifier.verify(good)
    looked = CountedKey.asked

    await site.verifier.verify(good)
    assert looked > 0
    assert CountedKey.asked == looked

    await site.verifier.verify(token(clock, jti="another"))
    assert CountedKey.asked > looked


async def test_what_was_good_expires(site: Site, clock: FakeClock) -> None:
    good = token(clock)
    await site.verifier.verify(good)

    clock.advance(LIFETIME + timedelta(seconds=LEEWAY_S + 1))

    assert await site.refuses(good) == "token_expired"


async def test_what_was_good_is_called_back_at_once(site: Site, clock: FakeClock) -> None:
    good = token(clock)
    await site.verifier.verify(good)

    site.revoked = True

    assert await site.refuses(good) == "token_revoked"


async def test_a_dropped_key_takes_along_all_that_it_has_signed(site: Site, clock: FakeClock) -> None:
    good = token(clock)
    await site.verifier.verify(good)

    del site.keys["k1"]

    assert await site.refuses(good) == "invalid_token"


async def test_another_key_under_the_same_name_is_asked_anew(site: Site, clock: FakeClock) -> None:
    good = token(clock)
    await site.verifier.verify(good)

    site.keys["k1"] = jwt.PyJWK(OTHER, algorithm="EdDSA")

    assert await site.refuses(good) == "invalid_token"


async def test_who_is_no_longer_believed_is_not_remembered(site: Site, clock: FakeClock) -> None:
    good = token(clock)
    await site.verifier.verify(good)

    site.verifier.believe([])

    assert await site.refuses(good) == "invalid_token"


async def test_a_refused_token_is_refused_again_and_never_remembered(site: Site, clock: FakeClock) -> None:
    forged = token(clock, key=OTHER_KEY)

    assert [await site.refuses(forged) for _ in range(2)] == ["invalid_token"] * 2
    assert len(site.verifier._verified) == 0


async def test_so_many_are_remembered_and_no_more(
    site: Site, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_tokens, "MOST_REMEMBERED", 2)
    tokens = [token(clock, jti=str(number)) for number in range(3)]
    for each in (tokens[0], tokens[1], tokens[0], tokens[2]):
        await site.verifier.verify(each)
    assert len(site.verifier._verified) == 2
    looked = CountedKey.asked

    await site.verifier.verify(tokens[0])
    assert CountedKey.asked == looked, "it was met again, so it stayed"

    await site.verifier.verify(tokens[1])
    assert CountedKey.asked > looked, "it was quiet for longest"
