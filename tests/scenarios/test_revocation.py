"""Who is shut out on one node is shut out on all of them within a second, and no broker is needed for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.conftest import Production, with_role
from tests.scenarios.test_errors import problem
from tests.story import Shopper, expect, sign_up

WITHIN_S = 1.0
POLL_S = 0.01


@pytest.fixture(scope="module")
def node(shared_production: Production) -> Iterator[httpx.Client]:
    """Another API on the same database. Its broker is away."""
    settings = {"HEDGEROW_BROKER_URL": "redis://127.0.0.1:1/0"}
    with shared_production.with_settings(**settings).api() as (_process, client):
        yield client


def log_out(shopper: Shopper) -> None:
    body = {"refresh_token": shopper.tokens["refresh_token"]}
    assert shopper.client.post("/v1/users/logout", json=body).status_code == httpx.codes.NO_CONTENT


def log_out_everywhere(shopper: Shopper) -> None:
    assert shopper.post("/v1/users/logout-everywhere").status_code == httpx.codes.NO_CONTENT


def change_password(shopper: Shopper) -> None:
    change = {"current_password": shopper.password, "new_password": "another good password"}
    assert shopper.post("/v1/users/me/password", json=change).status_code == httpx.codes.NO_CONTENT


def end_the_session(shopper: Shopper) -> None:
    (session,) = expect(shopper.get("/v1/users/me/sessions"), 200)["items"]
    ended = shopper.client.delete(f"/v1/users/me/sessions/{session['id']}", headers=shopper._headers)
    assert ended.status_code == httpx.codes.NO_CONTENT


def have_a_token_reused(shopper: Shopper) -> None:
    for program, status in (("mine", 200), ("a thief's", 401)):
        body, headers = {"refresh_token": shopper.tokens["refresh_token"]}, {"User-Agent": program}
        assert shopper.client.post("/v1/users/refresh", json=body, headers=headers).status_code == status


@pytest.mark.parametrize(
    "shut_out", [log_out, log_out_everywhere, change_password, end_the_session, have_a_token_reused]
)
def test_an_access_token_is_refused_on_the_other_node_within_a_second(
    client: httpx.Client, node: httpx.Client, shut_out: Callable[[Shopper], None]
) -> None:
    shopper, bystander = sign_up(client), sign_up(client)
    there = replace(shopper, client=node)
    expect(there.get("/v1/users/me"), 200)

    shut_out(shopper)
    started = time.monotonic()
    while (answer := there.get("/v1/users/me")).status_code == httpx.codes.OK:
        assert time.monotonic() - started < WITHIN_S, "still believed"
        time.sleep(POLL_S)
    took = time.monotonic() - started

    problem(answer, 401, "token_revoked")
    assert took < WITHIN_S
    print(f"{shut_out.__name__}: refused on the other node after {took * 1000:.0f} ms")
    problem(there.get("/v1/billing/invoices"), 401, "token_revoked")
    expect(replace(bystander, client=node).get("/v1/users/me"), 200)


def test_who_logs_in_right_after_being_shut_out_is_believed_everywhere(
    client: httpx.Client, node: httpx.Client
) -> None:
    shopper = sign_up(client)
    log_out_everywhere(shopper)
    credentials = {"email": shopper.email, "password": shopper.password}
    for here, there in ((client, node), (node, client)):
        tokens = expect(here.post("/v1/users/login", json=credentials), 200)
        for _ in range(60):
            expect(Shopper(there, shopper.email, shopper.password, tokens).get("/v1/users/me"), 200)
            time.sleep(POLL_S)


def make_key(shopper: Shopper) -> dict[str, Any]:
    return expect(shopper.post("/v1/users/me/keys", json={"name": "Program", "scopes": ["users:read"]}), 201)


def revoke_it(_production: Production, owner: Shopper, key: dict[str, Any]) -> None:
    assert owner.request("DELETE", f"/v1/users/me/keys/{key['id']}").status_code == httpx.codes.NO_CONTENT


def rotate_it(_production: Production, owner: Shopper, key: dict[str, Any]) -> None:
    expect(owner.post(f"/v1/users/me/keys/{key['id']}/rotate"), 201)


def deactivate_its_owner(production: Production, owner: Shopper, _key: dict[str, Any]) -> None:
    id = expect(owner.get("/v1/users/me"), 200)["id"]
    admin = with_role(production, owner.client, "super_admin")
    expect(admin.post(f"/v1/users/accounts/{id}/deactivate"), 200)


@pytest.mark.parametrize("end", [revoke_it, rotate_it, deactivate_its_owner])
def test_a_key_is_refused_on_the_other_node_within_a_second(
    shared_production: Production,
    client: httpx.Client,
    node: httpx.Client,
    end: Callable[[Production, Shopper, dict[str, Any]], None],
) -> None:
    owner = sign_up(client)
    key, other = make_key(owner), make_key(sign_up(client))
    program, bystander = (replace(owner, client=node, tokens={"access_token": one["key"]}) for one in (key, other))
    for each in (program, bystander):
        expect(each.get("/v1/users/me"), 200)

    end(shared_production, owner, key)
    started = time.monotonic()
    # The route itself may find out first that the account is closed; what counts is that the key opens no route.
    while (answer := program.get("/v1/users/me")).is_success or answer.json()["code"] != "invalid_key":
        assert time.monotonic() - started < WITHIN_S, "still believed"
        time.sleep(POLL_S)
    print(f"{end.__name__}: refused on the other node after {(time.monotonic() - started) * 1000:.0f} ms")

    problem(answer, 401, "invalid_key")
    expect(bystander.get("/v1/users/me"), 200)
