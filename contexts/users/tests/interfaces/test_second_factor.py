"""The second factor as its owner meets it over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest

from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox

PASSWORD, ADA = "correct horse", "ada@example.org"
FACTOR = "/v1/users/me/second-factor"
STEP = timedelta(seconds=30)

WorkOff = Callable[[], Awaitable[None]]


async def login(http: httpx.AsyncClient, **more: str) -> httpx.Response:
    return await http.post("/v1/users/login", json={"email": ADA, "password": PASSWORD, **more})


async def headers(http: httpx.AsyncClient, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {(await login(http, **more)).json()['access_token']}"}


@pytest.fixture
async def enrolled(http: httpx.AsyncClient, ada: dict[str, Any], clock: FakeClock) -> tuple[pyotp.TOTP, list[str]]:
    """The app and the recovery codes of Ada, whose factor is on."""
    own = await headers(http)
    begun = await http.post(FACTOR, json={"current_password": PASSWORD}, headers=own)
    assert (begun.status_code, begun.headers["cache-control"]) == (201, "no-store")
    app = pyotp.parse_uri(begun.json()["otpauth_uri"])
    assert isinstance(app, pyotp.TOTP)
    assert app.secret == begun.json()["secret"]
    confirmed = await http.post(f"{FACTOR}/confirm", json={"code": app.at(clock.now())}, headers=own)
    assert (confirmed.status_code, confirmed.headers["cache-control"]) == (200, "no-store")
    clock.advance(STEP)
    return app, confirmed.json()["recovery_codes"]


async def test_login_asks_for_a_code_once_the_password_is_right(
    http: httpx.AsyncClient, enrolled: tuple[pyotp.TOTP, list[str]], clock: FakeClock
) -> None:
    app, recovery = enrolled
    bare, wrong_password = await login(http), await login(http, password="wrong horse")
    assert (bare.status_code, bare.json()["code"]) == (401, "users.second_factor_required")
    assert (wrong_password.status_code, wrong_password.json()["code"]) == (401, "users.invalid_credentials")
    wrong = await login(http, code="no code")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "users.invalid_code")
    assert (await login(http, code=app.at(clock.now()))).status_code == 200
    assert (await login(http, code=recovery[0])).status_code == 200


async def test_the_session_that_switched_it_on_goes_on_and_the_others_end(
    http: httpx.AsyncClient, ada: dict[str, Any], clock: FakeClock
) -> None:
    elsewhere, own = (await login(http)).json(), await headers(http)
    begun = await http.post(FACTOR, json={"current_password": PASSWORD}, headers=own)
    code = pyotp.TOTP(begun.json()["secret"]).at(clock.now())
    await http.post(f"{FACTOR}/confirm", json={"code": code}, headers=own)
    refused = await http.post("/v1/users/refresh", json={"refresh_token": elsewhere["refresh_token"]})
    assert refused.status_code == 401
    assert (await http.get("/v1/users/me/sessions", headers=own)).json()["items"][0]["current"] is True


async def test_the_owner_sees_renews_and_removes_it_and_is_told_by_mail(
    http: httpx.AsyncClient,
    enrolled: tuple[pyotp.TOTP, list[str]],
    clock: FakeClock,
    work_off: WorkOff,
    mailbox: Mailbox,
) -> None:
    app, recovery = enrolled
    own = await headers(http, code=app.at(clock.now()))
    shown = (await http.get(FACTOR, headers=own)).json()
    assert (shown["on"], shown["recovery_codes_left"]) == (True, 10)
    assert shown["enabled_at"] is not None

    proofs = {"current_password": PASSWORD, "code": recovery[0]}
    renewed = await http.post(f"{FACTOR}/recovery-codes", json=proofs, headers=own)
    assert len(set(renewed.json()["recovery_codes"]) | set(recovery)) == 20
    stale = await http.request("DELETE", FACTOR, json=proofs, headers=own)
    assert (stale.status_code, stale.json()["code"]) == (422, "users.wrong_code")
    assert stale.json()["errors"][0]["field"] == "code"

    proofs["code"] = renewed.json()["recovery_codes"][0]
    assert (await http.request("DELETE", FACTOR, json=proofs, headers=own)).status_code == 204
    shown = (await http.get(FACTOR, headers=await headers(http))).json()
    assert shown == {"on": False, "enabled_at": None, "recovery_codes_left": 0}
    await work_off()
    for about in ("has a second factor", "new recovery codes", "no second factor any more"):
        assert mailbox.wait_for(ADA, about=about)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", FACTOR, {}), ("POST", f"{FACTOR}/recovery-codes", {"code": "1"}), ("DELETE", FACTOR, {"code": "1"})],
)
async def test_nothing_changes_without_the_password(
    http: httpx.AsyncClient, adas: dict[str, str], method: str, path: str, body: dict[str, str]
) -> None:
    wrong = {**body, "current_password": "wrong horse"}
    answer = await http.request(method, path, json=wrong, headers=adas)
    assert (answer.status_code, answer.json()["code"]) == (422, "users.wrong_password")
    right = await http.request(method, path, json={**body, "current_password": PASSWORD}, headers=adas)
    assert right.status_code == (201 if path == FACTOR and method == "POST" else 409)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/v1/users/me/password", {"new_password": "another fine horse"}),
        ("/v1/users/me/email", {"email": "ada@example.com"}),
    ],
    ids=["password", "address"],
)
async def test_what_could_carry_the_account_away_wants_a_code_besides_the_password(
    http: httpx.AsyncClient,
    enrolled: tuple[pyotp.TOTP, list[str]],
    clock: FakeClock,
    path: str,
    change: dict[str, str],
) -> None:
    app, recovery = enrolled
    own = await headers(http, code=app.at(clock.now()))
    proof = {**change, "current_password": PASSWORD}

    bare = await http.post(path, json=proof, headers=own)
    assert (bare.status_code, bare.json()["code"]) == (422, "users.code_missing")
    used = await http.post(path, json={**proof, "code": app.at(clock.now())}, headers=own)
    assert (used.status_code, used.json()["code"]) == (422, "users.wrong_code")
    assert (await http.get("/v1/users/me", headers=own)).json()["email"] == ADA
    done = await http.post(path, json={**proof, "code": recovery[0]}, headers=own)
    assert done.status_code in (202, 204), done.text
