"""The routes of links, profiles and administration as a caller sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from hedgerow_core.domain import Secret

PASSWORD = "correct horse"
ADA = "ada@example.org"

WorkOff = Callable[[], Awaitable[None]]
CodeFor = Callable[..., Secret]


async def login(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await http.post("/v1/users/login", json={"email": email, "password": password})


async def headers_of(http: httpx.AsyncClient, email: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await login(http, email)).json()['access_token']}"}


# Links


async def test_a_password_is_reset_with_the_code_of_the_mail(
    http: httpx.AsyncClient, ada: dict[str, Any], work_off: WorkOff, code_for: CodeFor
) -> None:
    await http.post("/v1/users/password/forgot", json={"email": ADA})
    await work_off()
    body = {"token": code_for(ADA, "new password").reveal(), "new_password": "battery staple"}
    assert (await http.post("/v1/users/password/reset", json=body)).status_code == 204
    assert (await login(http, ADA, "battery staple")).status_code == 200
    again = await http.post("/v1/users/password/reset", json=body)
    assert (again.status_code, again.json()["code"]) == (422, "users.invalid_link")
    assert again.json()["errors"][0]["field"] == "token"


async def test_an_address_is_confirmed_and_changed(
    http: httpx.AsyncClient, ada: dict[str, Any], work_off: WorkOff, code_for: CodeFor
) -> None:
    headers = await headers_of(http, ADA)
    await work_off()
    verified = await http.post("/v1/users/verify-email", json={"token": code_for(ADA).reveal()})
    assert verified.status_code == 204
    assert (await http.get("/v1/users/me", headers=headers)).json()["verified_at"] is not None

    change = {"email": "ada@example.com", "current_password": "wrong horse"}
    refused = await http.post("/v1/users/me/email", json=change, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "users.wrong_password")
    change["current_password"] = PASSWORD
    asked = await http.post("/v1/users/me/email", json=change, headers=headers)
    assert (asked.status_code, asked.content) == (202, b"")
    await work_off()
    confirm = {"token": code_for("ada@example.com").reveal()}
    assert (await http.post("/v1/users/email/confirm", json=confirm)).status_code == 204
    assert (await http.get("/v1/users/me", headers=headers)).json()["email"] == "ada@example.com"


async def test_a_deactivated_account_is_told_so_once_the_password_is_right(
    http: httpx.AsyncClient, ada: dict[str, Any], boss: dict[str, str]
) -> None:
    await http.post(f"/v1/users/accounts/{ada['id']}/deactivate", headers=boss)
    right, wrong = await login(http, ADA), await login(http, ADA, "wrong horse")
    assert (right.status_code, right.json()["code"]) == (403, "users.account_deactivated")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "users.invalid_credentials")


# Profiles


async def test_a_profile_is_patched_field_by_field(http: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    headers = await headers_of(http, ADA)
    first = {"phone": "+44 20 7946 0000", "birthday": "1990-12-10", "metadata": {"theme": {"dark": True}}}
    patched = (await http.patch("/v1/users/me", json=first, headers=headers)).json()
    assert {field: patched[field] for field in first} == first
    assert patched["version"] == ada["version"] + 1
    cleared = (await http.patch("/v1/users/me", json={"birthday": None, "metadata": None}, headers=headers)).json()
    assert (cleared["birthday"], cleared["metadata"], cleared["phone"]) == (None, {}, first["phone"])
    untouched = await http.patch("/v1/users/me", json={}, headers=headers)
    assert untouched.json() == cleared == (await http.get("/v1/users/me", headers=headers)).json()


async def test_who_deletes_the_own_account_is_nobody(http: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    headers = await headers_of(http, ADA)
    assert (await http.delete("/v1/users/me", headers=headers)).status_code == 204
    answer = await http.get("/v1/users/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert (await login(http, ADA)).status_code == 401


# Administration


async def test_an_account_is_created_looked_at_changed_and_deleted(
    http: httpx.AsyncClient, boss: dict[str, str]
) -> None:
    created = await http.post("/v1/users/accounts", json={"email": ADA, "name": "Ada"}, headers=boss)
    assert created.status_code == 201
    place = created.headers["Location"]
    assert place == f"/v1/users/accounts/{created.json()['id']}"
    assert (await http.get(place, headers=boss)).json() == created.json()
    patched = await http.patch(place, json={"name": "Ada King"}, headers=boss)
    assert (patched.status_code, patched.json()["name"]) == (200, "Ada King")
    promoted = await http.post(f"{place}/roles", json={"roles": ["admin"]}, headers=boss)
    assert (promoted.status_code, promoted.json()["roles"]) == (200, ["admin"])
    closed = await http.post(f"{place}/deactivate", headers=boss)
    assert closed.json()["status"] == "deactivated"
    twice = await http.post(f"{place}/deactivate", headers=boss)
    assert (twice.status_code, twice.json()["code"]) == (409, "users.account_not_active")
    assert (await http.post(f"{place}/reactivate", headers=boss)).json()["status"] == "active"
    assert (await http.delete(place, headers=boss)).status_code == 204
    assert (await http.get(place, headers=boss)).json()["status"] == "deleted"
    gone = await http.patch(place, json={"name": "Eve"}, headers=boss)
    assert (gone.status_code, gone.json()["code"]) == (409, "users.account_deleted")


async def test_administrators_do_not_end_themselves(http: httpx.AsyncClient, boss: dict[str, str]) -> None:
    own = (await http.get("/v1/users/me", headers=boss)).json()["id"]
    answer = await http.delete(f"/v1/users/accounts/{own}", headers=boss)
    assert (answer.status_code, answer.json()["code"]) == (403, "users.not_yourself")
    answer = await http.delete("/v1/users/me", headers=boss)
    assert (answer.status_code, answer.json()["code"]) == (403, "users.super_admin_immutable")


async def test_the_list_pages_filters_and_searches(
    http: httpx.AsyncClient, ada: dict[str, Any], boss: dict[str, str]
) -> None:
    page = (await http.get("/v1/users/accounts", params={"limit": 1, "sort": "name"}, headers=boss)).json()
    assert page["items"] == [ada]
    rest = await http.get(
        "/v1/users/accounts", params={"limit": 1, "sort": "name", "cursor": page["next"]}, headers=boss
    )
    assert ([item["name"] for item in rest.json()["items"]], rest.json()["next"]) == (["Boss"], None)
    for wanted in (
        {"q": "ADA"},
        {"email": "ADA@EXAMPLE.ORG"},
        {"role": "user"},
        {"status": "active", "q": "ada@"},
        {"name__ilike": "AD", "created_at__lte": "2030-01-01T00:00:00Z"},
    ):
        found = (await http.get("/v1/users/accounts", params=wanted, headers=boss)).json()["items"]
        assert [item["name"] for item in found] == ["Ada"], wanted


async def test_an_owner_deletes_the_account_that_was_seen(http: httpx.AsyncClient, adas: dict[str, str]) -> None:
    stale = await http.delete("/v1/users/me", headers={**adas, "If-Match": '"7"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert (await http.delete("/v1/users/me", headers={**adas, "If-Match": '"1"'})).status_code == 204


async def test_accounts_are_sorted_by_several_keys(
    http: httpx.AsyncClient, ada: dict[str, Any], boss: dict[str, str]
) -> None:
    seen, cursor = [], {}
    while True:
        query = {"limit": 1, "sort": "-created_at,name", **cursor}
        page = (await http.get("/v1/users/accounts", params=query, headers=boss)).json()
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == ["Ada", "Boss"]
