"""Changes of accounts as a caller sees them: of a version that was seen, and felt by access tokens at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from hedgerow_core.domain import Secret
from hedgerow_users.container import UsersContainer

ADA = "ada@example.org"

WorkOff = Callable[[], Awaitable[None]]
CodeFor = Callable[..., Secret]


async def test_a_change_is_of_the_version_that_the_caller_has_seen(
    http: httpx.AsyncClient, ada: dict[str, Any], adas: dict[str, str], boss: dict[str, str]
) -> None:
    place = f"/v1/users/accounts/{ada['id']}"
    tag = (await http.get(place, headers=boss)).headers["etag"]
    changed = await http.patch("/v1/users/me", json={"phone": "+44 1"}, headers={**adas, "If-Match": tag})
    assert (changed.status_code, changed.headers["etag"]) == (200, f'"{changed.json()["version"]}"')
    late = await http.patch("/v1/users/me", json={"phone": "+44 2"}, headers={**adas, "If-Match": tag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    blind = {**boss, "If-Match": tag}
    for answer in (
        await http.patch(place, json={"name": "Eve"}, headers=blind),
        await http.post(f"{place}/roles", json={"roles": ["admin"]}, headers=blind),
        await http.post(f"{place}/deactivate", headers=blind),
        await http.post(f"{place}/reactivate", headers=blind),
        await http.delete(place, headers=blind),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    seen = {**boss, "If-Match": changed.headers["etag"]}
    assert (await http.delete(place, headers=seen)).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/deactivate", None),
        ("POST", "/roles", {"roles": ["admin"]}),
        ("DELETE", "", None),
    ],
)
async def test_what_ends_sessions_takes_their_access_tokens_along(
    http: httpx.AsyncClient,
    container: UsersContainer,
    ada: dict[str, Any],
    adas: dict[str, str],
    boss: dict[str, str],
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    ended = await http.request(method, f"/v1/users/accounts/{ada['id']}{path}", json=body, headers=boss)
    assert ended.is_success, ended.text
    await container.revocations().read()
    refused = await http.get("/v1/users/me", headers=adas)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")
    assert (await http.get("/v1/users/me", headers=boss)).status_code == 200


async def test_a_reset_password_takes_access_tokens_along(
    http: httpx.AsyncClient, container: UsersContainer, adas: dict[str, str], work_off: WorkOff, code_for: CodeFor
) -> None:
    await http.post("/v1/users/password/forgot", json={"email": ADA})
    await work_off()
    body = {"token": code_for(ADA, "new password").reveal(), "new_password": "battery staple"}
    assert (await http.post("/v1/users/password/reset", json=body)).status_code == 204
    await container.revocations().read()
    refused = await http.get("/v1/users/me", headers=adas)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")
