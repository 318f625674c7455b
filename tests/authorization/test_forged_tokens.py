"""A running host refuses every forged token with a 401, and none makes it stumble (experiment 25)."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.tests.security.token_corpus import forged
from tests.authorization.conftest import Stage
from tests.story import expect

AT_LEAST = 500
TOO_LARGE = {400, 431}
"""A header beyond the server's own limit never gets as far as a 401."""


def answers(client: httpx.Client, tokens: Iterable[str], path: str = "/v1/users/me") -> Counter[int]:
    """How often the host answered with which status; what HTTP can't carry is left out."""
    statuses: Counter[int] = Counter()
    for token in tokens:
        header = (b"authorization", b"Bearer " + token.encode("utf-8", "surrogatepass"))
        try:
            statuses[client.get(path, headers=[header]).status_code] += 1
        except httpx.LocalProtocolError:
            continue
    return statuses


def signing_key(client: httpx.Client) -> Ed25519PublicKey:
    """The one public key of the host, which everybody may know."""
    (key,) = expect(client.get("/.well-known/jwks.json"), 200)["keys"]
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))


def test_no_forged_token_opens_a_door_or_breaks_one(stage: Stage) -> None:
    good = stage.callers["super_admin"].tokens["access_token"]

    statuses = answers(stage.client, forged(good, signing_key(stage.client)))

    assert statuses[401] >= AT_LEAST
    assert statuses.keys() <= {401} | TOO_LARGE, statuses


def test_the_good_token_opens_it(stage: Stage) -> None:
    assert answers(stage.client, [stage.callers["user"].tokens["access_token"]]) == {200: 1}


def test_no_forged_token_of_an_identity_provider_opens_a_door_or_breaks_one(stage: Stage) -> None:
    good = stage.issuer.person("forged", "forged@example.org")

    statuses = answers(stage.client, forged(good, stage.issuer.pairs[-1].private.public_key()))

    assert statuses[401] >= AT_LEAST
    assert statuses.keys() <= {401} | TOO_LARGE, statuses
    assert answers(stage.client, [good]) == {200: 1}
