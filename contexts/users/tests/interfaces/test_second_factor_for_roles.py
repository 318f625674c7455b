"""Roles that need a second factor are carried by sessions that began with one, and by no others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pyotp
import pytest

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users import plugin
from hedgerow_users.domain.roles import Role
from hedgerow_users.settings import UsersSettings

PASSWORD, BOSS, ADA = "correct horse", "boss@example.org", "ada@example.org"
FACTOR, ACCOUNTS = "/v1/users/me/second-factor", "/v1/users/accounts"
STEP = timedelta(seconds=30)

Rows = Callable[..., Awaitable[Any]]
WorkOff = Callable[[], Awaitable[None]]


@pytest.fixture
def settings(settings: UsersSettings) -> UsersSettings:
    return settings.model_copy(update={"second_factor_for": (Role.ADMIN,)})


async def login(http: httpx.AsyncClient, email: str = BOSS, **more: str) -> dict[str, Any]:
    body = {"email": email, "password": PASSWORD, **more}
    tokens: dict[str, Any] = (await http.post("/v1/users/login", json=body)).json()
    return tokens


async def refresh(http: httpx.AsyncClient, tokens: dict[str, Any]) -> dict[str, Any]:
    answer = await http.post("/v1/users/refresh", json={"refresh_token": tokens["refresh_token"]})
    refreshed: dict[str, Any] = answer.json()
    return refreshed


def headers(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def roles(tokens: dict[str, Any]) -> list[str]:
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return list(claims["roles"])


async def enrol(http: httpx.AsyncClient, clock: FakeClock, email: str = BOSS) -> pyotp.TOTP:
    """Set a factor up, through a session that may do little else."""
    own = headers(await login(http, email))
    begun = await http.post(FACTOR, json={"current_password": PASSWORD}, headers=own)
    app = pyotp.TOTP(begun.json()["secret"])
    confirmed = await http.post(f"{FACTOR}/confirm", json={"code": app.at(clock.now())}, headers=own)
    assert confirmed.status_code == 200
    clock.advance(STEP)
    return app


async def test_an_admin_without_second_factor_is_a_user_until_one_is_set_up(
    http: httpx.AsyncClient, boss: dict[str, str], clock: FakeClock
) -> None:
    tokens = await login(http)
    assert (roles(tokens), tokens["second_factor"]) == (["user"], "required")
    assert (await http.get(ACCOUNTS, headers=headers(tokens))).status_code == 403
    refreshed = await refresh(http, tokens)
    assert (roles(refreshed), refreshed["second_factor"]) == (["user"], "required")

    app = await enrol(http, clock)
    proven = await login(http, code=app.at(clock.now()))
    assert (roles(proven), proven["second_factor"]) == (["super_admin"], None)
    assert (await http.get(ACCOUNTS, headers=headers(proven))).status_code == 200
    assert roles(await refresh(http, proven)) == ["super_admin"]


async def test_the_own_account_says_so_and_is_never_answered_from_a_cache_meanwhile(
    http: httpx.AsyncClient, boss: dict[str, str], clock: FakeClock
) -> None:
    before = await http.get("/v1/users/me", headers=headers(await login(http)))
    assert (before.json()["second_factor"], before.json()["roles"]) == ("required", ["super_admin"])
    assert "etag" not in before.headers
    app = await enrol(http, clock)
    proven = headers(await login(http, code=app.at(clock.now())))
    cached = {**proven, "If-None-Match": f'"{before.json()["version"]}"'}
    after = await http.get("/v1/users/me", headers=proven)
    assert (after.json()["second_factor"], after.headers["etag"]) == (None, f'"{before.json()["version"]}"')
    assert (await http.get("/v1/users/me", headers=cached)).status_code == 304


async def test_who_has_no_such_role_is_asked_for_nothing(http: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    tokens = await login(http, ADA)
    assert (roles(tokens), tokens["second_factor"]) == (["user"], None)
    assert (await http.get("/v1/users/me", headers=headers(tokens))).json()["second_factor"] is None


async def test_a_session_from_before_the_setting_loses_the_roles_at_its_next_refresh(
    http: httpx.AsyncClient,
    boss: dict[str, str],
    database: Database,
    clock: FakeClock,
    settings: UsersSettings,
    tmp_path: Path,
) -> None:
    core = CoreContainer(context="users", environment="test", data_dir=tmp_path, clock=clock, database=database)
    before = plugin.container(core, settings.model_copy(update={"second_factor_for": None}))
    handlers = plugin.handlers(before)
    bus = Bus(
        commands=handlers.commands,
        queries=(),
        open_work=lambda: unit_of_work(database, handlers.work, lambda: None),
    )
    started = await before.log_in(bus=bus)(email=BOSS, password=Secret(PASSWORD))
    assert roles({"access_token": started.access_token.reveal()}) == ["super_admin"]

    refreshed = await refresh(http, {"refresh_token": started.refresh_token.reveal()})
    assert (roles(refreshed), refreshed["second_factor"]) == (["user"], "required")


async def test_an_administrator_removes_a_lost_factor_and_its_owner_is_told(
    http: httpx.AsyncClient,
    boss: dict[str, str],
    ada: dict[str, Any],
    clock: FakeClock,
    work_off: WorkOff,
    mailbox: Mailbox,
) -> None:
    app, hers = await enrol(http, clock), await enrol(http, clock, ADA)
    chief = headers(await login(http, code=app.at(clock.now())))
    session = await login(http, ADA, code=hers.at(clock.now()))
    place = f"{ACCOUNTS}/{ada['id']}/second-factor"

    assert (await http.delete(place, headers=chief)).status_code == 204

    assert (
        await http.post("/v1/users/refresh", json={"refresh_token": session["refresh_token"]})
    ).status_code == 401
    assert "access_token" in await login(http, ADA)
    again = await http.delete(place, headers=chief)
    assert (again.status_code, again.json()["code"]) == (409, "users.second_factor_off")
    own = await http.delete(f"{ACCOUNTS}/{jwt_subject(chief)}/second-factor", headers=chief)
    assert (own.status_code, own.json()["code"]) == (403, "users.not_yourself")
    await work_off()
    assert mailbox.wait_for(ADA, about="second factor was removed")


def jwt_subject(own: dict[str, str]) -> str:
    token = own["Authorization"].removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})["sub"])
