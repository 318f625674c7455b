"""The routes as a caller sees them: statuses, bodies, headers, problems."""

from __future__ import annotations

import json
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete, select

from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.container import UsersContainer
from hedgerow_users.infrastructure.tables import accounts, links, refresh_tokens, sessions

ADA = {"email": "Ada@example.org", "password": "correct horse", "name": "Ada"}
CREDENTIALS = {"email": ADA["email"], "password": ADA["password"]}


async def logged_in(http: httpx.AsyncClient) -> dict[str, str]:
    await http.post("/v1/users/register", json=ADA)
    answer = await http.post("/v1/users/login", json=CREDENTIALS)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_who_registers_has_an_account(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/users/me", headers=await logged_in(http))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {
        *("id", "email", "name", "roles", "status", "version", "created_at", "updated_at", "verified_at"),
        *("phone", "address", "birthday", "photo_url", "metadata", "second_factor"),
    }
    assert (body["email"], body["name"], body["roles"]) == (ADA["email"], "Ada", ["user"])


async def test_a_taken_address_is_answered_like_a_free_one(http: httpx.AsyncClient) -> None:
    free, taken = [
        await http.post("/v1/users/register", json={**ADA, "email": email})
        for email in (ADA["email"], "ADA@EXAMPLE.ORG")
    ]
    assert (free.status_code, free.json()) == (202, {"status": "accepted"})
    assert (taken.status_code, taken.content, taken.headers) == (202, free.content, free.headers)


async def test_who_registers_a_taken_address_changes_nothing(http: httpx.AsyncClient) -> None:
    headers = await logged_in(http)
    before = (await http.get("/v1/users/me", headers=headers)).json()
    thief = {"email": ADA["email"], "password": "the thief's own", "name": "Thief"}
    await http.post("/v1/users/register", json=thief)
    del thief["name"]
    assert (await http.post("/v1/users/login", json=thief)).status_code == 401
    assert (await http.get("/v1/users/me", headers=headers)).json() == before


@pytest.mark.parametrize(("field", "status"), [("email", 422), ("name", 422), ("password", 202)])
async def test_half_a_character_in_json_crashes_nothing(http: httpx.AsyncClient, field: str, status: int) -> None:
    body = json.dumps({**ADA, field: "\ud800" + ADA[field]})  # JSON can write it, UTF-8 can't.
    answer = await http.post("/v1/users/register", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


async def test_login_hands_out_a_pair_that_no_cache_keeps(http: httpx.AsyncClient) -> None:
    await http.post("/v1/users/register", json=ADA)
    answer = await http.post("/v1/users/login", json=CREDENTIALS)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "second_factor"}
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
    lost = await http.post("/v1/users/refresh", json={"refresh_token": first})
    assert lost.json()["refresh_token"] == answer.json()["refresh_token"]
    thief = {"User-Agent": "a thief's"}
    again = await http.post("/v1/users/refresh", json={"refresh_token": first}, headers=thief)
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
    answer = await http.get("/v1/users/me", headers=await logged_in(http))
    assert (answer.status_code, answer.json()["email"]) == (200, ADA["email"])
    assert answer.json()["second_factor"] is None


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


async def test_owners_see_where_they_are_logged_in_and_which_session_asks(
    http: httpx.AsyncClient, clock: FakeClock
) -> None:
    await logged_in(http)
    clock.advance(timedelta(minutes=1))
    answer = await http.post("/v1/users/login", json=CREDENTIALS, headers={"User-Agent": "Firefox" + "x" * 300})
    clock.advance(timedelta(minutes=1))
    refreshed = await http.post(
        "/v1/users/refresh",
        json={"refresh_token": answer.json()["refresh_token"]},
        headers={"User-Agent": "Firefox " + "x" * 300},
    )
    headers = {"Authorization": f"Bearer {refreshed.json()['access_token']}"}
    listed = await http.get("/v1/users/me/sessions", headers=headers)
    assert listed.status_code == 200
    here, there = listed.json()["items"]
    assert listed.json()["next"] is None
    assert set(here) == {"id", "started_at", "last_seen_at", "expires_at", "user_agent", "network", "current"}
    assert (here["current"], there["current"]) == (True, False)
    assert (here["started_at"], here["last_seen_at"]) == ("2026-01-15T12:01:00Z", "2026-01-15T12:02:00Z")
    assert (here["user_agent"], here["network"]) == ("Firefox " + "x" * 192, "127.0.0.0/24")
    assert here["expires_at"] == "2026-04-15T12:01:00Z"


async def test_sessions_come_in_pages_and_the_dead_are_left_out(http: httpx.AsyncClient, clock: FakeClock) -> None:
    await logged_in(http)
    clock.advance(timedelta(days=30))
    for _ in range(3):
        headers = await logged_in(http)
        clock.advance(timedelta(seconds=1))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await http.get("/v1/users/me/sessions", params={"limit": "2", **cursor}, headers=headers)
        seen += [session["id"] for session in page.json()["items"]]
        if page.json()["next"] is None:
            break
        cursor = {"cursor": page.json()["next"]}
    assert len(seen) == len(set(seen)) == 3


async def test_a_session_is_ended_by_its_owner_alone_and_only_once(http: httpx.AsyncClient) -> None:
    headers = await logged_in(http)
    (session,) = (await http.get("/v1/users/me/sessions", headers=headers)).json()["items"]
    eve = {**ADA, "email": "eve@example.org"}
    await http.post("/v1/users/register", json=eve)
    login = await http.post("/v1/users/login", json={"email": eve["email"], "password": eve["password"]})
    stranger = {"Authorization": f"Bearer {login.json()['access_token']}"}
    path = f"/v1/users/me/sessions/{session['id']}"
    refused = await http.delete(path, headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (404, "users.session_not_found")
    assert (await http.delete(path, headers=headers)).status_code == 204
    assert (await http.delete(path, headers=headers)).json()["code"] in ("users.session_not_found", "token_revoked")


async def test_logging_out_everywhere_ends_all_sessions_and_nobody_elses(
    http: httpx.AsyncClient, database: Database
) -> None:
    for _ in range(2):
        headers = await logged_in(http)
    eve = {**ADA, "email": "eve@example.org"}
    await http.post("/v1/users/register", json=eve)
    await http.post("/v1/users/login", json={"email": eve["email"], "password": eve["password"]})
    assert (await http.post("/v1/users/logout-everywhere", headers=headers)).status_code == 204
    async with database.reading() as connection:
        reasons = list((await connection.execute(select(sessions.c.end_reason))).scalars())
    assert sorted(map(str, reasons)) == ["None", "logged_out_everywhere", "logged_out_everywhere"]


async def test_an_ended_session_takes_its_access_token_along(
    http: httpx.AsyncClient, container: UsersContainer
) -> None:
    headers, elsewhere = await logged_in(http), await logged_in(http)
    mine = (await http.get("/v1/users/me/sessions", headers=headers)).json()["items"]
    (current,) = (session["id"] for session in mine if session["current"])
    await http.delete(f"/v1/users/me/sessions/{current}", headers=headers)
    await container.revocations().read()
    refused = await http.get("/v1/users/me", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert (await http.get("/v1/users/me", headers=elsewhere)).status_code == 200


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


async def test_an_account_carries_its_version_as_a_tag(http: httpx.AsyncClient) -> None:
    headers = await logged_in(http)
    answer = await http.get("/v1/users/me", headers=headers)
    assert (answer.json()["version"], answer.headers["etag"]) == (1, '"1"')
    again = await http.get("/v1/users/me", headers={**headers, "If-None-Match": '"1"'})
    assert again.status_code == 304
