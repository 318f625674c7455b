"""Accounts and sessions as their owners meet them over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from tests.scenarios.test_errors import problem
from tests.story import Shopper, expect


def log_in(client: httpx.Client, email: str, password: str) -> httpx.Response:
    return client.post("/v1/users/login", json={"email": email, "password": password})


def refresh(client: httpx.Client, token: str) -> httpx.Response:
    return client.post("/v1/users/refresh", json={"refresh_token": token})


def test_an_address_registers_once_whatever_its_case_and_however_parallel(client: httpx.Client) -> None:
    name = f"Bob-{uuid4().hex}"
    bodies = [
        {"email": email, "password": "correct horse battery", "name": "Bob"}
        for email in (f"{name}@example.com", f"{name.upper()}@EXAMPLE.COM") * 4
    ]
    for number, body in enumerate(bodies):
        body["password"] += str(number)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: client.post("/v1/users/register", json=body), bodies))

    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"status":"accepted"}')}
    logins = [log_in(client, body["email"], body["password"]).status_code for body in bodies]
    assert sorted(logins) == [200] + [401] * 7


def test_no_answer_ever_holds_a_password_or_its_hash(client: httpx.Client, shopper: Shopper) -> None:
    me = shopper.get("/v1/users/me")

    assert "argon2" not in me.text
    assert "password" not in me.text
    assert "super secret" not in client.post("/v1/users/register", json={"password": "super secret"}).text


def test_unknown_account_and_wrong_password_are_answered_alike(client: httpx.Client, shopper: Shopper) -> None:
    wrong = problem(log_in(client, shopper.email, "not the password"), 401, "users.invalid_credentials")
    unknown = problem(log_in(client, "nobody@example.com", "not the password"), 401, "users.invalid_credentials")

    assert {**wrong, "trace_id": ""} == {**unknown, "trace_id": ""}


def test_a_refused_login_is_no_refused_token(client: httpx.Client) -> None:
    refused = log_in(client, "nobody@example.com", "not the password")

    assert refused.headers["www-authenticate"] == 'Bearer realm="hedgerow"'


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(client: httpx.Client, shopper: Shopper) -> None:
    first = shopper.tokens["refresh_token"]
    second = expect(refresh(client, first), 200)
    third = expect(refresh(client, second["refresh_token"]), 200)

    problem(refresh(client, first), 401, "users.refresh_token_reused")
    problem(refresh(client, third["refresh_token"]), 401, "users.invalid_refresh_token")


def test_however_parallel_a_token_is_refreshed_the_session_stays_one_chain(
    client: httpx.Client, shopper: Shopper
) -> None:
    token = shopper.tokens["refresh_token"]
    with ThreadPoolExecutor(20) as threads:
        for _round in range(20):
            answers = list(threads.map(lambda _n, sent=token: expect(refresh(client, sent), 200), range(20)))
            (token,) = {answer["refresh_token"] for answer in answers}

    assert len(shopper.get("/v1/users/me/sessions").json()["items"]) == 1


def test_a_token_that_a_thief_sends_ends_the_session_for_both(client: httpx.Client, shopper: Shopper) -> None:
    token = shopper.tokens["refresh_token"]
    mine = expect(refresh(client, token), 200)
    stolen = {"json": {"refresh_token": token}, "headers": {"User-Agent": "somebody else's"}}

    problem(client.post("/v1/users/refresh", **stolen), 401, "users.refresh_token_reused")
    problem(refresh(client, mine["refresh_token"]), 401, "users.invalid_refresh_token")


def test_after_logout_the_session_is_over_and_logging_out_again_changes_nothing(
    client: httpx.Client, shopper: Shopper
) -> None:
    token = {"refresh_token": shopper.tokens["refresh_token"]}

    assert client.post("/v1/users/logout", json=token).status_code == httpx.codes.NO_CONTENT
    problem(refresh(client, token["refresh_token"]), 401, "users.invalid_refresh_token")
    assert client.post("/v1/users/logout", json=token).status_code == httpx.codes.NO_CONTENT


def test_a_new_password_replaces_the_old_one_and_ends_every_session(client: httpx.Client, shopper: Shopper) -> None:
    elsewhere = expect(log_in(client, shopper.email, shopper.password), 200)
    change = {"current_password": shopper.password, "new_password": "another good password"}

    assert shopper.post("/v1/users/me/password", json=change).status_code == httpx.codes.NO_CONTENT

    for session in (shopper.tokens, elsewhere):
        problem(refresh(client, session["refresh_token"]), 401, "users.invalid_refresh_token")
    problem(log_in(client, shopper.email, shopper.password), 401, "users.invalid_credentials")
    expect(log_in(client, shopper.email, "another good password"), 200)


def test_who_does_not_know_the_current_password_cannot_change_it(client: httpx.Client, shopper: Shopper) -> None:
    change = {"current_password": "a guess of mine", "new_password": "another good password"}

    refused = shopper.post("/v1/users/me/password", json=change)

    problem(refused, 422, "users.wrong_password")
    expect(log_in(client, shopper.email, shopper.password), 200)


def test_the_public_keys_are_published_and_nothing_private_with_them(client: httpx.Client) -> None:
    published = client.get("/.well-known/jwks.json")

    keys = published.json()["keys"]
    assert keys
    for key in keys:
        assert (key["kty"], key["crv"], key["use"]) == ("OKP", "Ed25519", "sig")
        assert "d" not in key
    assert "max-age" in published.headers["cache-control"]
