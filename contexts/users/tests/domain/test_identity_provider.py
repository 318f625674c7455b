"""Which identity providers can be named, and that what is wrong is said without quoting it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from hedgerow_users.domain.identity_provider import IdentityProvider, providers_in

SECRET = f"whsec_{base64.b64encode(b's' * 24).decode()}"
ACME = {"name": "acme", "issuer": "https://id.acme.example", "audience": "hedgerow"}


def read(**changes: Any) -> IdentityProvider:
    (provider,) = providers_in(json.dumps([ACME | changes]))
    return provider


def test_three_members_suffice_and_the_rest_is_strict() -> None:
    provider = read()

    assert (provider.algorithms, provider.parties, provider.jwks_url) == (("RS256",), {"hedgerow"}, None)
    assert list(provider.webhook_keys()) == []


def test_everything_else_can_be_said() -> None:
    previous = f"whsec_{base64.b64encode(b'p' * 32).decode()}"
    provider = read(
        azp=["app", "web"],
        algorithms=["ES256", "EdDSA"],
        typ=["at+jwt"],
        jwks_url="https://keys.acme.example/jwks?v=1",
        webhook_secret=SECRET,
        webhook_secret_previous=previous,
    )

    assert (provider.parties, provider.typ) == ({"app", "web"}, ("at+jwt",))
    assert list(provider.webhook_keys()) == [b"s" * 24, b"p" * 32]


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:9", "http://localhost:9/realm", "http://[::1]:9"])
def test_http_is_for_loopback_alone_and_says_so(issuer: str) -> None:
    assert read(issuer=issuer).is_in_the_clear
    assert not read().is_in_the_clear
    assert read(jwks_url="http://127.0.0.1:9/k").is_in_the_clear


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "Acme"}, "name"),
        ({"name": "../acme"}, "name"),
        ({"name": 5}, "name"),
        ({"name": None}, "is missing|name"),
        ({"issuer": "http://id.acme.example"}, "issuer: https"),
        ({"issuer": "http://127.0.0.1.evil.example"}, "issuer: https"),
        ({"issuer": "https://me:hush@id.acme.example"}, "issuer: expected"),
        ({"issuer": "https://id.acme.example?x=hush"}, "issuer"),
        ({"issuer": "https://id.acme.example#hush"}, "issuer"),
        ({"issuer": "https://id.acme.example:many"}, "issuer: not a URL"),
        ({"issuer": "file:///etc/passwd"}, "issuer"),
        ({"issuer": "id.acme.example"}, "issuer"),
        ({"jwks_url": "ftp://id.acme.example"}, "jwks_url"),
        ({"jwks_url": "http://169.254.169.254/latest"}, "jwks_url: https"),
        ({"audience": ""}, "audience"),
        ({"audience": "a\nb"}, "audience"),
        ({"azp": []}, "azp"),
        ({"azp": "app"}, "azp"),
        ({"azp": ["a", "a"]}, "azp"),
        ({"algorithms": ["HS256"]}, "algorithms: one or more of RS256"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"algorithms": []}, "algorithms"),
        ({"typ": ["logout+jwt"]}, "typ"),
        ({"webhook_secret": "hush"}, "webhook_secret: whsec_"),
        ({"webhook_secret": "whsec_hush"}, "webhook_secret: whsec_"),
        ({"webhook_secret": "whsec_" + base64.b64encode(b"hush" * 5).decode()}, "24 to 64"),
        ({"webhook_secret_previous": SECRET}, "of no use"),
        ({"client_secret": "hush"}, "client_secret: is no member"),
    ],
)
def test_what_cannot_be_believed_is_refused_and_not_quoted(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=rf"{complaint}") as refused:
        read(**changes)

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '["acme"]', "null", "[" * 100_000])
def test_anything_but_a_list_of_objects_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a list"):
        providers_in(text)


@pytest.mark.parametrize(
    ("other", "same"), [({"issuer": "https://b.example"}, "name"), ({"name": "other"}, "issuer")]
)
def test_no_two_have_one_name_or_issuer(other: dict[str, str], same: str) -> None:
    with pytest.raises(ValueError, match=f"one {same}"):
        providers_in(json.dumps([ACME, ACME | other]))


def test_the_second_one_is_named_by_its_place() -> None:
    with pytest.raises(ValueError, match=r"^\[1\]\.audience: is missing"):
        providers_in(json.dumps([ACME, {"name": "b", "issuer": "https://b.example"}]))


def test_nothing_secret_is_printed() -> None:
    provider = read(webhook_secret=SECRET)

    assert str(provider) == "acme=https://id.acme.example"
    assert SECRET not in f"{provider!r}{provider}"
