"""A host without users believes whom the host of users believes, and not a second longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import jwt
import pytest

from hedgerow_core.testing import LocalIssuer
from tests.authorization.test_matrix import new_key
from tests.conftest import with_role
from tests.extraction.apart import Apart
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.scenarios.test_revocation import (
    change_password,
    end_the_session,
    have_a_token_reused,
    log_out,
    log_out_everywhere,
)
from tests.scenarios.test_services import new_service
from tests.story import Shopper, create_invoice, expect, sign_up

WITHIN_S = 1.0
GIVE_UP_AFTER_S = 4.0
POLL_S = 0.01
INVOICES = "/v1/billing/invoices"

Way = Callable[[Apart, Shopper], None]
"""Shuts somebody out, at the host of users."""


@pytest.fixture(scope="module")
def users(apart: Apart) -> Iterator[httpx.Client]:
    with apart.users.api() as (_api, client):
        yield client


@pytest.fixture(scope="module")
def billing(apart: Apart, users: httpx.Client) -> Iterator[httpx.Client]:
    with apart.billing.api() as (_api, client):
        yield client


def admin_does(method: str, path: str, **body: object) -> Way:
    def way(apart: Apart, who: Shopper) -> None:
        id = expect(who.get("/v1/users/me"), 200)["id"]
        admin = with_role(apart.home, who.client, "super_admin")
        done = admin.request(method, f"/v1/users/accounts/{id}{path}", json=body or None)
        assert done.is_success, done.text

    return way


def by_themselves(way: Callable[[Shopper], None]) -> Way:
    return lambda _apart, who: way(who)


WAYS: dict[str, Way] = {
    "deactivated": admin_does("POST", "/deactivate"),
    "deleted": admin_does("DELETE", ""),
    "given another role": admin_does("POST", "/roles", roles=["admin"]),
    "logged out": by_themselves(log_out),
    "logged out everywhere": by_themselves(log_out_everywhere),
    "password changed": by_themselves(change_password),
    "session ended": by_themselves(end_the_session),
    "token reused": by_themselves(have_a_token_reused),
}


def refused_after_s(caller: Shopper) -> float:
    """How long somebody who was shut out just now is still let in."""
    started = time.monotonic()
    while caller.get(INVOICES).status_code != httpx.codes.UNAUTHORIZED:
        if time.monotonic() - started > GIVE_UP_AFTER_S:
            break
        time.sleep(POLL_S)
    return time.monotonic() - started


def test_a_token_of_the_one_host_opens_the_other(users: httpx.Client, billing: httpx.Client) -> None:
    shopper = replace(sign_up(users), client=billing)

    invoice = create_invoice(shopper)

    assert expect(shopper.get(f"{INVOICES}/{invoice['id']}"), 200)["id"] == invoice["id"]


@pytest.mark.parametrize("way", WAYS)
def test_who_is_shut_out_at_home_is_refused_here_within_a_second(
    apart: Apart, users: httpx.Client, billing: httpx.Client, way: str
) -> None:
    shopper, bystander = sign_up(users), replace(sign_up(users), client=billing)
    there = replace(shopper, client=billing)
    expect(there.get(INVOICES), 200)

    WAYS[way](apart, shopper)

    took_s = refused_after_s(there)
    print(f"{way}: refused on the other host after {took_s * 1000:.0f} ms")
    assert took_s < WITHIN_S
    problem(there.get(INVOICES), 401, "token_revoked")
    expect(bystander.get(INVOICES), 200)


def program_of(owner: Shopper, client: httpx.Client, *scopes: str) -> tuple[Shopper, str]:
    """A program with a key of theirs, and the key's id. Besides these scopes it may work with its own invoices."""
    key = new_key(owner, ["billing:read", "billing:invoice:read", "billing:invoice:create", *scopes])
    return replace(owner, client=client, tokens={"access_token": key["key"]}), key["id"]


@pytest.mark.parametrize("way", ["revoked", "rotated", "deactivated"])
def test_a_key_that_ends_at_home_is_refused_here_within_a_second(
    apart: Apart, users: httpx.Client, billing: httpx.Client, way: str
) -> None:
    owner = sign_up(users)
    (program, id), (bystander, _) = program_of(owner, billing), program_of(sign_up(users), billing)
    for each in (program, bystander):
        create_invoice(each)

    if way == "deactivated":
        WAYS[way](apart, owner)
    else:
        ended = owner.request(
            *{
                "revoked": ("DELETE", f"/v1/users/me/keys/{id}"),
                "rotated": ("POST", f"/v1/users/me/keys/{id}/rotate"),
            }[way]
        )
        assert ended.is_success, ended.text

    took_s = refused_after_s(program)
    print(f"a key that is {way}: refused on the other host after {took_s * 1000:.0f} ms")
    assert took_s < WITHIN_S
    problem(program.get(INVOICES), 401, "invalid_key")
    expect(bystander.get(INVOICES), 200)


def test_a_key_opens_what_its_scopes_name_and_uses_are_noted_at_home(
    users: httpx.Client, billing: httpx.Client
) -> None:
    owner = sign_up(users)
    reader = new_key(owner, ["billing:invoice:read", "users:read"])
    program = replace(owner, client=billing, tokens={"access_token": reader["key"]})

    expect(program.get(INVOICES), 200)
    refused = program.post(INVOICES, json={"currency": "EUR", "lines": []})
    assert problem(refused, 403, "scope_missing")["details"] == {"scope": "billing:invoice:create"}

    deadline = time.monotonic() + 15
    while expect(owner.get("/v1/users/me/keys"), 200)["items"][0]["last_used_at"] is None:
        assert time.monotonic() < deadline, "nobody at home has noted the use"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("scopes", "status", "code"),
    [
        (["billing:read", "billing:write"], 201, None),
        (["billing:invoice:create"], 201, None),
        (["billing:invoice:credit"], 403, "users.scopes_beyond_roles"),
        (["billing:invoice:invented"], 422, "users.unknown_scopes"),
        (["shipping:read"], 422, "users.unknown_scopes"),
    ],
)
def test_scopes_of_a_context_elsewhere_are_known_and_bounded_as_if_it_were_here(
    users: httpx.Client, billing: httpx.Client, scopes: list[str], status: int, code: str | None
) -> None:
    made = sign_up(users).post("/v1/users/me/keys", json={"name": "Program", "scopes": scopes})

    assert (made.status_code, made.json().get("code")) == (status, code), made.text


def test_a_service_may_do_elsewhere_what_its_scopes_name(apart: Apart, billing: httpx.Client) -> None:
    _name, key = new_service(apart.home, "billing:invoice:read", "billing:invoice:read_any")
    program = Shopper(billing, "", "", {"access_token": key})

    expect(program.get(INVOICES), 200)
    problem(program.post(INVOICES, json={"currency": "EUR", "lines": []}), 403, "scope_missing")


def test_a_token_of_an_identity_provider_opens_both(
    users: httpx.Client, billing: httpx.Client, issuer: LocalIssuer
) -> None:
    token = issuer.person("rose", "rose@example.org")
    rose = Shopper(billing, "rose@example.org", "", {"access_token": token})

    create_invoice(rose)
    assert len(expect(rose.get(INVOICES), 200)["items"]) == 1
    problem(replace(rose, tokens={"access_token": f"{token[:-8]}AAAAAAAA"}).get(INVOICES), 401, "invalid_token")
    nameless = replace(rose, tokens={"access_token": issuer.token("nobody")})
    assert (
        nameless.get(INVOICES).json()["code"] == replace(nameless, client=users).get("/v1/users/me").json()["code"]
    )


def test_a_cookie_opens_both_and_changes_nothing_for_a_stranger_s_page(
    apart: Apart, users: httpx.Client, billing: httpx.Client
) -> None:
    shopper = sign_up(users)
    credentials = {"email": shopper.email, "password": shopper.password, "cookies": True}
    good = {"sec-fetch-site": "same-origin"}
    logged_in = users.post("/v1/users/login", json=credentials, headers=good)
    jar = "; ".join(f"{name}={value}" for name, value in logged_in.cookies.items())
    users.cookies.clear()

    expect(billing.get(INVOICES, headers={"cookie": jar}), 200)
    body = {"currency": "EUR", "lines": [{"description": "Rose", "quantity": 1, "unit_price": 1}]}
    expect(billing.post(INVOICES, json=body, headers={"cookie": jar} | good), 201)
    stranger = billing.post(INVOICES, json=body, headers={"cookie": jar, "sec-fetch-site": "cross-site"})
    problem(stranger, 403, "cross_origin")


def test_no_token_is_refused_while_signing_keys_are_replaced(
    apart: Apart, users: httpx.Client, billing: httpx.Client
) -> None:
    shopper = sign_up(users)
    (before,) = kids(users)
    host = apart.home
    assert run("users", "keys", "rotate", folder=host.folder, environment=host.environment).returncode == 0

    credentials = {"email": shopper.email, "password": shopper.password}
    signed_by: set[str] = set()
    deadline = time.monotonic() + 15
    while len(signed_by) < 2:
        assert time.monotonic() < deadline, "the new key does not sign"
        tokens = expect(users.post("/v1/users/login", json=credentials), 200)
        expect(Shopper(billing, "", "", tokens).get(INVOICES), 200)
        signed_by.add(kid_of(tokens["access_token"]))
        time.sleep(0.5)

    revoked = run("users", "keys", "revoke", before, folder=host.folder, environment=host.environment)
    assert revoked.returncode == 0, revoked.stderr
    old = replace(shopper, client=billing)
    assert refused_after_s(old) < 3.0, "the other host drops a key as soon as its home does"
    problem(old.get(INVOICES), 401, "invalid_token")


def kids(users: httpx.Client) -> list[str]:
    return [key["kid"] for key in expect(users.get("/.well-known/jwks.json"), 200)["keys"]]


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
