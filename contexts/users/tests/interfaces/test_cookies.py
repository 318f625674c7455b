"""Cookie mode: no token in any body, no cookie for a stranger's page, and nothing of it unless settings say so."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest
from fastapi import Request

from contexts.users.tests.conftest import SECRET
from contexts.users.tests.interfaces.conftest import ADA, PASSWORD
from hedgerow_core.http import OriginCheck
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users.container import UsersContainer
from hedgerow_users.interfaces.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from hedgerow_users.settings import SmtpAddress, UsersSettings

HERE = {"Sec-Fetch-Site": "same-origin"}
ELSEWHERE: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site"},
]
LOGIN = {"email": ADA, "password": PASSWORD, "cookies": True}


@pytest.fixture
def settings(mailbox: Mailbox, request: pytest.FixtureRequest) -> UsersSettings:
    on = getattr(request, "param", True)
    return UsersSettings(secret=SECRET, smtp_url=SmtpAddress.parse(mailbox.url), cookies=on)


def cookies_of(answer: httpx.Response) -> dict[str, Morsel[str]]:
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        jar.load(header)
    return dict(jar)


def sent(cookies: dict[str, Morsel[str]], *names: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={cookies[name].value}" for name in names)}


async def logged_in(http: httpx.AsyncClient) -> dict[str, Morsel[str]]:
    answer = await http.post("/v1/users/login", json=LOGIN, headers=HERE)
    assert answer.status_code == 200, answer.text
    return cookies_of(answer)


async def test_login_hands_tokens_to_the_browser_and_none_to_scripts(
    http: httpx.AsyncClient, ada: dict[str, Any]
) -> None:
    answer = await http.post("/v1/users/login", json=LOGIN, headers=HERE)
    access, refresh = (cookies_of(answer)[name] for name in (ACCESS_COOKIE, REFRESH_COOKIE))

    assert answer.json() == {"token_type": "Cookie", "expires_in": 300, "second_factor": None}
    assert answer.headers["cache-control"] == "no-store"
    assert (access["path"], access["max-age"], access["samesite"].lower()) == ("/", "300", "lax")
    assert (refresh["path"], refresh["max-age"]) == ("/v1/users", str(30 * 24 * 3600))
    assert refresh["samesite"].lower() == "strict"
    for cookie in (access, refresh):
        assert (cookie["secure"], cookie["httponly"], cookie["domain"]) == (True, True, "")


async def test_who_logs_in_again_leaves_no_session_behind_that_nobody_holds(
    http: httpx.AsyncClient, ada: dict[str, Any]
) -> None:
    first = await logged_in(http)
    again = await http.post("/v1/users/login", json=LOGIN, headers={**sent(first, REFRESH_COOKIE), **HERE})
    assert again.status_code == 200
    stale = await http.post("/v1/users/refresh", headers={**sent(first, REFRESH_COOKIE), **HERE})
    assert stale.status_code == 401
    renewed = await http.post("/v1/users/refresh", headers={**sent(cookies_of(again), REFRESH_COOKIE), **HERE})
    assert renewed.status_code == 200


async def test_a_login_that_fails_ends_nothing(http: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    first = await logged_in(http)
    wrong = {**LOGIN, "password": "wrong horse"}
    headers = {**sent(first, REFRESH_COOKIE), **HERE}
    assert (await http.post("/v1/users/login", json=wrong, headers=headers)).status_code == 401
    assert (await http.post("/v1/users/refresh", headers=headers)).status_code == 200


async def test_a_page_lives_on_its_cookies(http: httpx.AsyncClient, ada: dict[str, Any]) -> None:
    first = await logged_in(http)
    assert (await http.get("/v1/users/me", headers=sent(first, ACCESS_COOKIE))).json()["email"] == ADA
    change = await http.patch("/v1/users/me", headers={**sent(first, ACCESS_COOKIE), **HERE}, json={"name": "A"})
    assert change.status_code == 200

    refreshed = await http.post("/v1/users/refresh", headers={**sent(first, REFRESH_COOKIE), **HERE})
    second = cookies_of(refreshed)
    assert refreshed.json() == {"token_type": "Cookie", "expires_in": 300, "second_factor": None}
    assert second[REFRESH_COOKIE].value != first[REFRESH_COOKIE].value
    assert (await http.get("/v1/users/me", headers=sent(second, ACCESS_COOKIE))).status_code == 200

    left = await http.post("/v1/users/logout", headers={**sent(second, REFRESH_COOKIE), **HERE})
    assert left.status_code == 204
    assert {name: (cookie.value, cookie["max-age"]) for name, cookie in cookies_of(left).items()} == {
        ACCESS_COOKIE: ("", "0"),
        REFRESH_COOKIE: ("", "0"),
    }
    gone = await http.post("/v1/users/refresh", headers={**sent(second, REFRESH_COOKIE), **HERE})
    assert gone.status_code == 401


@pytest.mark.parametrize("headers", ELSEWHERE)
async def test_a_strangers_page_neither_logs_its_visitor_in_nor_refreshes_nor_ends_anything(
    http: httpx.AsyncClient, ada: dict[str, Any], headers: dict[str, str]
) -> None:
    assert await strangers_reach(http, headers) == []


async def test_the_search_for_strangers_can_fail(
    http: httpx.AsyncClient, ada: dict[str, Any], container: UsersContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(_self: OriginCheck, _request: Request) -> None: ...

    monkeypatch.setattr(OriginCheck, "demand", blind)
    assert await strangers_reach(http, ELSEWHERE[1]) == ["login", "change", "refresh", "logout"]


async def strangers_reach(http: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    """What a request from elsewhere gets done."""
    cookies = await logged_in(http)
    access, refresh = sent(cookies, ACCESS_COOKIE), sent(cookies, REFRESH_COOKIE)
    answers = {
        "login": await http.post("/v1/users/login", json=LOGIN, headers=headers),
        "change": await http.patch("/v1/users/me", headers={**headers, **access}, json={"name": "Evil"}),
        "refresh": await http.post("/v1/users/refresh", headers={**headers, **refresh}),
        "logout": await http.post("/v1/users/logout", headers={**headers, **refresh}),
    }
    for answer in answers.values():
        assert answer.is_success or (answer.status_code, answer.json()["code"]) == (403, "cross_origin")
        assert answer.is_success or cookies_of(answer) == {}
    return [name for name, answer in answers.items() if answer.is_success]


async def test_who_asks_for_tokens_gets_them_as_before_wherever_from(
    http: httpx.AsyncClient, ada: dict[str, Any]
) -> None:
    body = {"email": ADA, "password": PASSWORD}
    answer = await http.post("/v1/users/login", json=body, headers=ELSEWHERE[1])
    refreshed = await http.post(
        "/v1/users/refresh", json={"refresh_token": answer.json()["refresh_token"]}, headers=ELSEWHERE[1]
    )

    assert (refreshed.status_code, cookies_of(answer), cookies_of(refreshed)) == (200, {}, {})
    assert refreshed.json()["token_type"] == "Bearer"


async def test_without_body_and_cookie_there_is_nothing_to_refresh_or_end(http: httpx.AsyncClient) -> None:
    for path in ("/v1/users/refresh", "/v1/users/logout"):
        answer = await http.post(path, headers=HERE)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("settings", [False], indirect=True)
async def test_unless_settings_say_so_no_cookie_is_given_or_taken(
    http: httpx.AsyncClient, ada: dict[str, Any]
) -> None:
    asked = await http.post("/v1/users/login", json=LOGIN, headers=HERE)
    tokens = (await http.post("/v1/users/login", json={**LOGIN, "cookies": False})).json()
    held = {"Cookie": f"{ACCESS_COOKIE}={tokens['access_token']}; {REFRESH_COOKIE}={tokens['refresh_token']}"}

    assert (asked.status_code, asked.json()["code"], cookies_of(asked)) == (422, "users.cookies_off", {})
    assert (await http.get("/v1/users/me", headers={**held, **HERE})).status_code == 401
    assert (await http.post("/v1/users/refresh", headers={**held, **HERE})).status_code == 422
    assert (await http.post("/v1/users/logout", headers={**held, **HERE})).status_code == 422
