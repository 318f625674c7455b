"""API keys over HTTP: made once, used for what they were made for, ended in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from contexts.users.tests.interfaces.conftest import PASSWORD, authorization
from hedgerow_core.domain import new_id
from hedgerow_core.testing import FakeClock
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import MOST_LIVE_KEYS
from hedgerow_users.domain.session import SessionId

KEYS = "/v1/users/me/keys"
Headers = dict[str, str]
Rows = Callable[..., Awaitable[Any]]


async def new_key(http: httpx.AsyncClient, who: Headers, *scopes: str, **more: Any) -> dict[str, Any]:
    body = {"name": "Report", "scopes": list(scopes or ["users:read"]), **more}
    made = await http.post(KEYS, headers=who, json=body)
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    key: dict[str, Any] = made.json()
    return key


def bearer(key: dict[str, Any]) -> Headers:
    return {"Authorization": f"Bearer {key['key']}"}


async def status_of_me(http: httpx.AsyncClient, key: dict[str, Any]) -> int:
    return (await http.get("/v1/users/me", headers=bearer(key))).status_code


async def until_refused(http: httpx.AsyncClient, key: dict[str, Any], *, at_most_s: float = 1.0) -> float:
    """How long the key is still believed."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while await status_of_me(http, key) == 200:
        assert loop.time() - started < at_most_s, "still believed"
        await asyncio.sleep(0.01)
    return loop.time() - started


async def test_a_key_is_shown_once_and_stored_as_a_hash(
    http: httpx.AsyncClient, adas: Headers, rows: Rows, clock: FakeClock
) -> None:
    made = await new_key(http, adas, "users:write", "users:read")
    listed = (await http.get(KEYS, headers=adas)).json()["items"]
    (stored,) = await rows("SELECT * FROM api_keys")

    assert made["key"].startswith(made["prefix"])
    assert listed == [{name: value for name, value in made.items() if name != "key"}]
    assert made["scopes"] == ["users:read", "users:write"]
    assert stored.expires_at == clock.now() + timedelta(days=90)
    assert made["key"] not in str(stored._mapping)
    assert made["key"][12:55] not in str(stored._mapping)


async def test_a_key_acts_for_its_owner_within_its_scopes(http: httpx.AsyncClient, adas: Headers) -> None:
    reads, writes = await new_key(http, adas, "users:read"), await new_key(http, adas, "users:write")
    rename = {"name": "Countess"}

    assert (await http.get("/v1/users/me", headers=bearer(reads))).json()["name"] == "Ada"
    assert (await http.patch("/v1/users/me", headers=bearer(reads), json=rename)).json()["code"] == "scope_missing"
    assert (await http.patch("/v1/users/me", headers=bearer(writes), json=rename)).status_code == 200
    assert (await http.get("/v1/users/me", headers=bearer(writes))).json()["code"] == "scope_missing"


async def test_no_key_makes_lists_rotates_or_ends_keys_or_touches_the_account(
    http: httpx.AsyncClient, boss: Headers
) -> None:
    key = await new_key(http, boss, "users:read", "users:write", "users:key:list", "users:key:revoke")
    for method, path in (
        ("POST", KEYS),
        ("GET", KEYS),
        ("POST", f"{KEYS}/{key['id']}/rotate"),
        ("DELETE", f"{KEYS}/{key['id']}"),
        ("DELETE", "/v1/users/me"),
        ("POST", "/v1/users/me/password"),
        ("POST", "/v1/users/me/email"),
        ("GET", "/v1/users/me/sessions"),
        ("DELETE", f"/v1/users/me/sessions/{new_id()}"),
        ("POST", "/v1/users/logout-everywhere"),
    ):
        refused = await http.request(method, path, headers=bearer(key))
        assert (refused.status_code, refused.json()["code"]) == (403, "login_required"), path


async def test_scopes_that_mean_nothing_or_go_too_far_are_named(http: httpx.AsyncClient, adas: Headers) -> None:
    async def refused(*scopes: str) -> tuple[int, dict[str, Any]]:
        answer = await http.post(KEYS, headers=adas, json={"name": "x", "scopes": list(scopes)})
        return answer.status_code, answer.json()

    status, problem = await refused("users:read", "users:burn", "bank:read")
    assert (status, problem["code"], problem["errors"][0]["field"]) == (422, "users.unknown_scopes", "scopes")
    assert "bank:read, users:burn" in problem["detail"]
    status, problem = await refused("users:read", "users:account:list")
    assert (status, problem["code"]) == (403, "users.scopes_beyond_roles")
    assert problem["details"] == {"scopes": ["users:account:list"]}
    assert (await refused())[0] == 422


@pytest.mark.parametrize("days", [0, 367, -1, 10**9])
async def test_no_key_is_for_ever(http: httpx.AsyncClient, adas: Headers, days: int) -> None:
    body = {"name": "x", "scopes": ["users:read"], "expires_in_days": days}
    assert (await http.post(KEYS, headers=adas, json=body)).status_code == 422


async def test_a_key_ends_on_its_day_and_is_no_longer_listed(
    http: httpx.AsyncClient, adas: Headers, clock: FakeClock
) -> None:
    key = await new_key(http, adas, expires_in_days=1)
    assert await status_of_me(http, key) == 200
    clock.advance(timedelta(days=1))

    assert await status_of_me(http, key) == 401
    again = await authorization(http, "ada@example.org")
    assert (await http.get(KEYS, headers=again)).json()["items"] == []
    assert (await http.post(f"{KEYS}/{key['id']}/rotate", headers=again)).status_code == 404


async def test_a_rotated_key_works_on_for_its_grace_and_has_one_successor(
    http: httpx.AsyncClient, adas: Headers, clock: FakeClock
) -> None:
    old = await new_key(http, adas, expires_in_days=30)
    new = (await http.post(f"{KEYS}/{old['id']}/rotate", headers=adas, json={"grace_hours": 2})).json()
    twice = await http.post(f"{KEYS}/{old['id']}/rotate", headers=adas, json={"grace_hours": 2})

    assert (await status_of_me(http, old), await status_of_me(http, new)) == (200, 200)
    assert (new["rotated_from"], new["scopes"]) == (old["id"], old["scopes"])
    assert (twice.status_code, twice.json()["code"]) == (409, "users.key_already_rotated")
    clock.advance(timedelta(hours=2))
    await asyncio.sleep(0.55)  # the process may believe the old end so long
    assert (await status_of_me(http, old), await status_of_me(http, new)) == (401, 200)


async def test_without_grace_the_old_key_ends_within_a_second(http: httpx.AsyncClient, adas: Headers) -> None:
    old = await new_key(http, adas)
    assert await status_of_me(http, old) == 200
    new = await http.post(f"{KEYS}/{old['id']}/rotate", headers=adas)

    await until_refused(http, old)
    assert await status_of_me(http, new.json()) == 200


@pytest.mark.parametrize("hours", [-1, 169])
async def test_grace_is_seven_days_at_most(http: httpx.AsyncClient, adas: Headers, hours: int) -> None:
    key = await new_key(http, adas)
    refused = await http.post(f"{KEYS}/{key['id']}/rotate", headers=adas, json={"grace_hours": hours})
    assert refused.status_code == 422


async def test_however_many_rotate_at_once_a_key_has_one_successor(http: httpx.AsyncClient, adas: Headers) -> None:
    for grace in (0, 1):
        key = await new_key(http, adas)
        asked = [
            http.post(f"{KEYS}/{key['id']}/rotate", headers=adas, json={"grace_hours": grace}) for _ in range(8)
        ]
        statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
        assert (statuses.count(201), set(statuses)) == (1, {201, 409 if grace else 404})


async def test_of_many_made_at_once_no_more_live_than_may(
    http: httpx.AsyncClient, adas: Headers, ada: dict[str, Any], rows: Rows
) -> None:
    await rows(
        "INSERT INTO api_keys (id, public_id, hash, account_id, name, scopes, created_at, expires_at)"
        " SELECT gen_random_uuid(), lpad(n::text, 8, '0'), sha256(n::text::bytea), :account, 'x', '{users:read}',"
        " moment, moment + interval '1 day' FROM generate_series(1, :n) n,"
        " (SELECT created_at AS moment FROM accounts LIMIT 1) AS made",
        account=ada["id"],
        n=MOST_LIVE_KEYS - 3,
    )
    body = {"name": "x", "scopes": ["users:read"]}
    answers = await asyncio.gather(*(http.post(KEYS, headers=adas, json=body) for _ in range(9)))

    assert [answer.status_code for answer in answers].count(201) == 3
    refused = next(answer for answer in answers if answer.status_code != 201)
    assert (refused.status_code, refused.json()["code"]) == (409, "users.too_many_keys")
    made = next(answer for answer in answers if answer.status_code == 201).json()
    assert (await http.post(f"{KEYS}/{made['id']}/rotate", headers=adas)).status_code == 201, (
        "none more than before"
    )
    (live,) = await rows("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL")
    assert live.count == MOST_LIVE_KEYS


async def test_other_peoples_keys_look_like_none(http: httpx.AsyncClient, adas: Headers, boss: Headers) -> None:
    key = await new_key(http, adas)
    for call in (
        http.delete(f"{KEYS}/{key['id']}", headers=boss),
        http.post(f"{KEYS}/{key['id']}/rotate", headers=boss),
        http.delete(f"{KEYS}/{new_id()}", headers=boss),
    ):
        answer = await call
        assert (answer.status_code, answer.json()["code"]) == (404, "users.key_not_found")
    assert await status_of_me(http, key) == 200
    assert (await http.get(KEYS, headers=boss)).json()["items"] == []


async def test_a_revoked_key_is_refused_within_a_second_and_stays_so(
    http: httpx.AsyncClient, adas: Headers
) -> None:
    key, other = await new_key(http, adas), await new_key(http, adas)
    assert (await status_of_me(http, key), await status_of_me(http, other)) == (200, 200)
    assert (await http.delete(f"{KEYS}/{key['id']}", headers=adas)).status_code == 204

    assert await until_refused(http, key) < 1
    refused = await http.get("/v1/users/me", headers=bearer(key))
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_key")
    assert await status_of_me(http, other) == 200
    assert (await http.delete(f"{KEYS}/{key['id']}", headers=adas)).status_code == 404


async def test_an_administrator_sees_and_ends_the_keys_of_those_below(
    http: httpx.AsyncClient, adas: Headers, ada: dict[str, Any], boss: Headers
) -> None:
    key = await new_key(http, adas)
    theirs = f"/v1/users/accounts/{ada['id']}/keys"

    assert [item["id"] for item in (await http.get(theirs, headers=boss)).json()["items"]] == [key["id"]]
    assert (await http.get(f"/v1/users/accounts/{new_id()}/keys", headers=boss)).status_code == 404
    assert (await http.delete(f"{theirs}/{new_id()}", headers=boss)).json()["code"] == "users.key_not_found"
    assert (await http.get(theirs, headers=adas)).status_code == 403
    assert (await http.delete(f"{theirs}/{key['id']}", headers=boss)).status_code == 204
    await until_refused(http, key)


async def test_nobody_ends_the_key_of_a_super_admin_through_administration(
    http: httpx.AsyncClient, boss: Headers
) -> None:
    key = await new_key(http, boss)
    me = (await http.get("/v1/users/me", headers=boss)).json()
    refused = await http.delete(f"/v1/users/accounts/{me['id']}/keys/{key['id']}", headers=boss)

    assert (refused.status_code, refused.json()["code"]) == (403, "users.not_yourself")


@pytest.mark.parametrize("how", ["deactivate", "delete"])
async def test_an_account_that_ends_takes_its_keys_along_for_good(
    http: httpx.AsyncClient, adas: Headers, ada: dict[str, Any], boss: Headers, rows: Rows, how: str
) -> None:
    key, account = await new_key(http, adas), f"/v1/users/accounts/{ada['id']}"
    assert await status_of_me(http, key) == 200
    if how == "delete":
        await http.delete(account, headers=boss)
    else:
        await http.post(f"{account}/deactivate", headers=boss)
    await until_refused(http, key)
    await http.post(f"{account}/reactivate", headers=boss)
    await asyncio.sleep(0.55)

    assert await status_of_me(http, key) == 401
    assert [row.revoked for row in await rows("SELECT revoked_at IS NOT NULL AS revoked FROM api_keys")] == [True]


async def test_a_key_of_an_account_that_was_closed_by_hand_is_refused_too(
    http: httpx.AsyncClient, adas: Headers, rows: Rows
) -> None:
    key = await new_key(http, adas)
    assert await status_of_me(http, key) == 200
    await rows("UPDATE accounts SET status = 'deactivated'")
    await until_refused(http, key)


async def test_new_roles_reach_a_key_within_a_second_and_a_new_password_or_logout_leaves_it_alone(
    http: httpx.AsyncClient, boss: Headers, rows: Rows
) -> None:
    key = await new_key(http, boss, "users:account:list", "users:read")
    change = {"current_password": PASSWORD, "new_password": "another good one"}
    assert (await http.post("/v1/users/me/password", headers=boss, json=change)).status_code == 204
    login = {"email": "boss@example.org", "password": "another good one"}
    tokens = (await http.post("/v1/users/login", json=login)).json()
    again = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.post("/v1/users/logout-everywhere", headers=again)).status_code == 204
    await asyncio.sleep(0.55)
    assert (await http.get("/v1/users/accounts", headers=bearer(key))).status_code == 200

    await rows("UPDATE accounts SET roles = '{user}'")
    await asyncio.sleep(0.55)
    refused = await http.get("/v1/users/accounts", headers=bearer(key))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    assert await status_of_me(http, key) == 200


async def test_last_use_is_written_behind_requests_and_once_a_minute_at_most(
    http: httpx.AsyncClient, adas: Headers, container: UsersContainer, clock: FakeClock
) -> None:
    async def last_used() -> str | None:
        (item,) = (await http.get(KEYS, headers=adas)).json()["items"]
        used: str | None = item["last_used_at"]
        return used

    async def use() -> None:
        assert await status_of_me(http, key) == 200

    key, uses = await new_key(http, adas), container.key_uses()
    await use()
    assert await last_used() is None, "the twin: no request writes it"
    await uses.write()
    first = await last_used()
    assert first is not None
    clock.advance(timedelta(seconds=59))
    await use()
    await uses.write()
    assert await last_used() == first
    clock.advance(timedelta(seconds=1))
    await use()
    await uses.write()
    assert (await last_used() or "") > first


async def test_a_session_that_carries_fewer_roles_gets_no_key_for_more(
    http: httpx.AsyncClient, boss: Headers, container: UsersContainer
) -> None:
    made = await new_key(http, boss, "users:account:list")
    me = (await http.get("/v1/users/me", headers=boss)).json()
    lesser = await container.access_tokens().issue(
        account_id=AccountId(UUID(me["id"])), session_id=SessionId(new_id()), roles=["user"]
    )
    who = {"Authorization": f"Bearer {lesser.token.reveal()}"}
    body = {"name": "x", "scopes": ["users:account:list"]}

    for path in (KEYS, f"{KEYS}/{made['id']}/rotate"):
        refused = await http.post(path, headers=who, json=body if path == KEYS else None)
        assert (refused.status_code, refused.json()["code"]) == (403, "users.scopes_beyond_roles")
    assert await new_key(http, who, "users:read")
    assert (await http.post(f"{KEYS}/{made['id']}/rotate", headers=boss)).status_code == 201, "the twin"


async def test_no_role_in_a_token_that_the_account_has_lost_makes_a_key(
    http: httpx.AsyncClient, boss: Headers, rows: Rows
) -> None:
    await rows("UPDATE accounts SET roles = '{user}'")
    refused = await http.post(KEYS, headers=boss, json={"name": "x", "scopes": ["users:account:list"]})

    assert (refused.status_code, refused.json()["code"]) == (403, "users.scopes_beyond_roles")
