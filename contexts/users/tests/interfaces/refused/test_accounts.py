"""What the routes of accounts do not take, and from whom; and what they answer to everybody alike."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from contexts.users.tests.interfaces.conftest import ADA

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEWCOMER = {"email": "Newcomer@example.org", "password": "correct horse", "name": "Newcomer"}


@pytest.mark.parametrize("path", ["/v1/users/verify-email/request", "/v1/users/password/forgot"])
@pytest.mark.parametrize("email", [ADA, "eve@example.org", "no address", ""])
async def test_whoever_asks_for_a_link_gets_the_same_answer(
    http: httpx.AsyncClient, ada: dict[str, Any], path: str, email: str
) -> None:
    answer = await http.post(path, json={"email": email})
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"phone": "call me"}, "phone"),
        ({"birthday": "tomorrow"}, "birthday"),
        ({"birthday": "2999-01-01"}, "birthday"),
        ({"photo_url": "javascript:alert(1)"}, "photo_url"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {"x": {"x": {"x": {"x": {"x": {}}}}}}}, "metadata"),
        ({"metadata": {"x": "y" * 9000}}, "metadata"),
        ({"email": "eve@example.org"}, "email"),
        ({"roles": ["super_admin"]}, "roles"),
        ({"status": "active"}, "status"),
    ],
)
async def test_what_is_not_acceptable_in_a_profile_is_named(
    http: httpx.AsyncClient, adas: dict[str, str], change: dict[str, Any], field: str
) -> None:
    answer = await http.patch("/v1/users/me", json=change, headers=adas)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


ROUTES = [
    ("GET", "/v1/users/accounts"),
    ("POST", "/v1/users/accounts"),
    ("GET", "/v1/users/accounts/{id}"),
    ("PATCH", "/v1/users/accounts/{id}"),
    ("DELETE", "/v1/users/accounts/{id}"),
    ("POST", "/v1/users/accounts/{id}/deactivate"),
    ("POST", "/v1/users/accounts/{id}/reactivate"),
    ("POST", "/v1/users/accounts/{id}/roles"),
    ("DELETE", "/v1/users/accounts/{id}/second-factor"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_administration_is_closed_to_strangers_and_users(
    http: httpx.AsyncClient, ada: dict[str, Any], adas: dict[str, str], method: str, path: str
) -> None:
    url = path.format(id=ada["id"])
    assert (await http.request(method, url)).status_code == 401
    answer = await http.request(method, url, headers=adas)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{id}" in route[1]])
async def test_an_account_that_never_was_is_not_found(
    http: httpx.AsyncClient, boss: dict[str, str], method: str, path: str
) -> None:
    body = {"roles": ["user"]} if path.endswith("/roles") else {} if method == "PATCH" else None
    answer = await http.request(method, path.format(id=uuid4()), headers=boss, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "users.account_not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"role": "gardener"}, "role"),
        ({"status": "asleep"}, "status"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"password_hash": "x"}, "password_hash"),
        ({"name__gt": "a"}, "name__gt"),
        ({"q": ""}, "q"),
        ({"q": "a\x00b"}, "q"),
        ({"sort": "password_hash"}, "sort"),
        ({"cursor": "x"}, "cursor"),
        ({"limit": 101}, "limit"),
    ],
)
async def test_what_a_list_does_not_know_is_named(
    http: httpx.AsyncClient, boss: dict[str, str], query: dict[str, Any], field: str
) -> None:
    answer = await http.get("/v1/users/accounts", params=query, headers=boss)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"email": "a" * 255}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": "Password123!"}, "password"),
        ({"name": " "}, "name"),
        ({"name": "A\x00"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"roles": ["super_admin"]}, "roles"),
    ],
)
async def test_what_is_not_acceptable_is_named(
    http: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    answer = await http.post("/v1/users/register", json={**NEWCOMER, **change})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "short" not in answer.text.replace("too_short", "")
