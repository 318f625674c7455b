"""The routes as a caller sees them: statuses, bodies, headers, problems."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete

from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.infrastructure.tables import accounts, links, refresh_tokens, sessions

ADA = {"email": "Ada@example.org", "password": "correct horse", "name": "Ada"}
CREDENTIALS = {"email": ADA["email"], "password": ADA["password"]}


async def logged_in(http: httpx.AsyncClient) -> dict[str, str]:
    await http.post("/v1/users/register", json=ADA)
    answer = await http.post("/v1/users/login", json=CREDENTIALS)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_register_answers_with_the_account(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/users/register", json=ADA)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {
        *("id", "email", "name", "roles", "status", "version", "created_at", "updated_at", "verified_at"),
        *("phone", "address", "birthday", "photo_url", "metadata"),
    }
    assert (body["email"], body["name"], body["roles"]) == (ADA["email"], "Ada", ["user"])


async def test_a_taken_address_is_a_conflict(http: httpx.AsyncClient) -> None:
    await http.post("/v1/users/register", json=ADA)
    answer = await http.post("/v1/users/register", json={**ADA, "email": "ADA@EXAMPLE.ORG"})
    assert (answer.status_code, answer.json()["code"]) == (409, "users.email_taken")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "a" * 255}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"name": " "}, "name"),
        ({"name": "A\x00"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"roles": ["super_admin"]}, "roles"),
    ],
)
async def test_what_is_not_acceptable_is_named(
    http: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    answer = await http.post("/v1/users/register", json={**ADA, **change})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "short" not in answer.text.replace("too_short", "")


@pytest.mark.parametrize(("field", "status"), [("email", 422), ("name", 422), ("password", 201)])
async def test_half_a_character_in_json_crashes_nothing(http: httpx.AsyncClient, field: str, status: int) -> None:
    body = json.dumps({**ADA, field: "\ud800" + ADA[field]})  # JSON can write it, UTF-8 can't.
    answer = await http.post("/v1/users/register", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


async def test_login_hands_out_a_pair_that_no_cache_keeps(http: httpx.AsyncClient) -> None:
    await http.post("/v1/users/register", json=ADA)
    answer = await http.post("/v1/users/login", json=CREDENTIALS)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "change", [{"password": "wrong horse"}, {"password": ""}, {"email": "eve@example.org"}, {"email": "no address"}]
)
async def test_failed_logins_answer_alike(http: httpx.AsyncClient, change: dict[str, str]) -> None:
    await http.post("/v1/users/register", json=ADA)
    answer = await http.post("/v1/users/login", json={**CREDENTIALS, **change})
    assert (answer.status_code, answer.json()["code"]) == (401, "users.invalid_credentials")
    assert "WWW-Authenticate" in answer.headers


async def test_refresh_rotates_and_reuse_is_refused(http: httpx.AsyncClient) -> None:
    await http.post("/v1/users/register", json=ADA)
    first = (await http.post("/v1/users/login", json=CREDENTIALS)).json()["refresh_token"]
    answer = await http.post("/v1/users/refresh", json={"refresh_token": first})
    assert answer.status_code == 200
    again = await http.post("/v1/users/refresh", json={"refresh_token": first})
    assert (again.status_code, again.json()["code"]) == (401, "users.refresh_token_reused")
    successor = await http.post("/v1/users/refresh", json={"refresh_token": answer.json()["refresh_token"]})
    assert (successor.status_code, successor.json()["code"]) == (401, "users.invalid_refresh_token")


async def test_logout_is_silent_about_the_token(http: httpx.AsyncClient) -> None:
    await http.post("/v1/users/register", json=ADA)
    token = (await http.post("/v1/users/login", json=CREDENTIALS)).json()["refresh_token"]
    for presented in (token, token, "unknown"):
        answer = await http.post("/v1/users/logout", json={"refresh_token": presented})
        assert (answer.status_code, answer.content) == (204, b"")


async def test_me_shows_the_account_of_the_token(http: httpx.AsyncClient) -> None:
    registered = (await http.post("/v1/users/register", json=ADA)).json()
    answer = await http.get("/v1/users/me", headers=await logged_in(http))
    assert (answer.status_code, answer.json()) == (200, registered)


async def test_me_needs_a_token_that_has_not_expired(http: httpx.AsyncClient, clock: FakeClock) -> None:
    headers = await logged_in(http)
    assert (await http.get("/v1/users/me")).status_code == 401
    clock.advance(timedelta(seconds=310))
    answer = await http.get("/v1/users/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def test_the_token_of_an_account_that_is_gone_is_invalid(http: httpx.AsyncClient, database: Database) -> None:
    headers = await logged_in(http)
    async with database.transaction() as connection:
        for table in (refresh_tokens, sessions, links, accounts):
            await connection.execute(delete(table))
    answer = await http.get("/v1/users/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_the_password_is_changed_by_who_knows_it(http: httpx.AsyncClient) -> None:
    headers = await logged_in(http)
    change = {"current_password": "wrong horse", "new_password": "battery staple"}
    refused = await http.post("/v1/users/me/password", json=change, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "users.wrong_password")
    assert refused.json()["errors"][0]["field"] == "current_password"
    change["current_password"] = ADA["password"]
    assert (await http.post("/v1/users/me/password", json=change, headers=headers)).status_code == 204
    assert (await http.post("/v1/users/login", json=CREDENTIALS)).status_code == 401


async def test_the_key_set_verifies_our_tokens_and_may_be_cached(http: httpx.AsyncClient) -> None:
    answer = await http.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    (key,) = answer.json()["keys"]
    assert {name: key[name] for name in ("kty", "crv", "use", "alg")} == {
        "kty": "OKP",
        "crv": "Ed25519",
        "use": "sig",
        "alg": "EdDSA",
    }
    assert set(key) == {"kty", "crv", "use", "alg", "x", "kid"}
