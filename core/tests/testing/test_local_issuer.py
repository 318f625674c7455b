"""The OpenID provider of the test kit does what a provider does, and fails as it is told."""

from __future__ import annotations

import httpx
import jwt
import pytest

from hedgerow_core.testing import LocalIssuer
from hedgerow_core.testing.local_issuer import DISCOVERY, KEYS


def test_its_tokens_are_good_by_the_keys_that_it_publishes(local_issuer: LocalIssuer) -> None:
    discovered = httpx.get(f"{local_issuer.url}{DISCOVERY}").json()
    client = jwt.PyJWKClient(discovered["jwks_uri"])
    old = local_issuer.person("ann", "ann@example.org")
    local_issuer.rotate()
    for token in (old, local_issuer.token("ann")):
        key = client.get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token, key, algorithms=["RS256"], audience=local_issuer.audience, issuer=discovered["issuer"]
        )
        assert claims["sub"] == "ann"
    assert local_issuer.fetches[DISCOVERY] == 1


@pytest.mark.parametrize("algorithm", ["PS256", "ES256", "EdDSA"])
def test_it_signs_with_what_it_is_told(algorithm: str) -> None:
    issuer = LocalIssuer(algorithm=algorithm)
    key = jwt.PyJWK(issuer.pairs[0].jwk)

    assert jwt.decode(issuer.token("ann"), key, algorithms=[algorithm], audience=issuer.audience)["sub"] == "ann"


def test_it_forgets_keys_fails_lies_and_goes_away(local_issuer: LocalIssuer) -> None:
    local_issuer.rotate(forget=True)
    assert len(httpx.get(f"{local_issuer.url}{KEYS}").json()["keys"]) == 1
    local_issuer.fault.answers[KEYS] = (302, {"Location": "http://127.0.0.1:1/"}, b"")
    assert httpx.get(f"{local_issuer.url}{KEYS}").status_code == httpx.codes.FOUND
    local_issuer.fault.failing = True
    assert httpx.get(f"{local_issuer.url}{KEYS}").status_code == httpx.codes.INTERNAL_SERVER_ERROR
    local_issuer.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{local_issuer.url}{KEYS}")
    local_issuer.start()
    assert local_issuer.key_fetches == 3
    assert httpx.get(f"{local_issuer.url}/else").status_code == httpx.codes.INTERNAL_SERVER_ERROR
