"""A cookie is believed from pages of a good origin alone, and nobody else is asked where they come from."""

from __future__ import annotations

import httpx
import jwt
import pytest
from fastapi import FastAPI, Request

from core.tests.security.test_tokens import find_key, token
from hedgerow_core.domain import AuthorizationError
from hedgerow_core.http import ContextRouter, CookieMode, Gate, OriginCheck, access_of, authenticated
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import KeyAuthority, PermissionTable, Principal, TokenIssuer, TokenVerifier
from hedgerow_core.testing import FakeClock

COOKIE = "__Host-shop"
OWN, FRIEND, STRANGER = "https://shop.example.org", "https://app.example.org", "https://evil.example"
CROSS = [
    {},
    {"Origin": STRANGER},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": f"{OWN}.evil.example"},
    {"Origin": "http://shop.example.org"},
    {"Origin": f"{OWN}:8443"},
    {"Origin": f"{FRIEND}/"},
    {"Origin": FRIEND.upper()},
    {"Origin": "*"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": OWN},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "cross-site", "Origin": STRANGER},
    {"Sec-Fetch-Site": "", "Origin": STRANGER},
    {"Referer": f"{OWN}/page"},
]
GOOD = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN},
    {"Origin": OWN},
    {"Origin": FRIEND},
    {"Sec-Fetch-Site": "same-site", "Origin": FRIEND},
]


class Blind(OriginCheck):
    """The mutant: it looks nowhere."""

    def demand(self, request: Request) -> None: ...


async def any_key(_key: str, _network: str) -> Principal | None:
    raise AssertionError("no cookie holds a key")


def client(clock: FakeClock, origins: OriginCheck, *modes: CookieMode) -> httpx.AsyncClient:
    router = ContextRouter("shop")

    @router.api_route("/orders", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @authenticated
    async def orders() -> None: ...

    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(RequestBoundary)
    verifier = TokenVerifier([TokenIssuer(issuer="us", audience="here", find_key=find_key)], clock)
    keys = [KeyAuthority(prefix="shop_", find=any_key)]
    gate = Gate(verifier, PermissionTable([]), keys=keys, cookies=modes, origins=origins)
    for route in router.routes:
        assert isinstance(route, PipelineRoute)
        access = access_of(route.endpoint)
        assert access is not None
        route.stages = gate.stages_for(access, scope="shop:write")
        app.router.routes.append(route)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"{OWN}/v1/shop")


@pytest.fixture
def shop(clock: FakeClock) -> httpx.AsyncClient:
    return client(clock, OriginCheck([FRIEND]), CookieMode(access_cookie=COOKIE))


def with_cookie(clock: FakeClock, **headers: str) -> dict[str, str]:
    return {"Cookie": f"other=1; {COOKIE}={token(clock)}", **headers}


@pytest.mark.parametrize("headers", CROSS)
async def test_no_strangers_page_acts_with_a_cookie(
    shop: httpx.AsyncClient, clock: FakeClock, headers: dict[str, str]
) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = await shop.request(method, "/orders", headers=with_cookie(clock, **headers))
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")


@pytest.mark.parametrize("headers", CROSS)
async def test_the_search_for_strangers_can_fail(clock: FakeClock, headers: dict[str, str]) -> None:
    blind = client(clock, Blind([FRIEND]), CookieMode(access_cookie=COOKIE))
    assert (await blind.post("/orders", headers=with_cookie(clock, **headers))).status_code == 200


@pytest.mark.parametrize("headers", GOOD)
async def test_a_page_of_ours_or_of_a_friend_does(
    shop: httpx.AsyncClient, clock: FakeClock, headers: dict[str, str]
) -> None:
    assert (await shop.post("/orders", headers=with_cookie(clock, **headers))).status_code == 200


async def test_who_says_it_twice_is_not_believed(shop: httpx.AsyncClient, clock: FakeClock) -> None:
    said = [("Origin", FRIEND), ("Origin", STRANGER), *with_cookie(clock).items()]
    assert (await shop.post("/orders", headers=said)).json()["code"] == "cross_origin"


async def test_looking_is_free_and_no_cache_keeps_the_answer(shop: httpx.AsyncClient, clock: FakeClock) -> None:
    seen = await shop.get("/orders", headers=with_cookie(clock, Origin=STRANGER))
    assert (seen.status_code, seen.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize("headers", CROSS)
async def test_a_token_in_the_header_is_never_asked_where_it_comes_from(
    shop: httpx.AsyncClient, clock: FakeClock, headers: dict[str, str]
) -> None:
    authorization = {"Authorization": f"Bearer {token(clock)}"}
    assert (await shop.post("/orders", headers={**headers, **authorization})).status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic YTpi"])
async def test_with_a_header_the_cookie_is_not_looked_at(
    shop: httpx.AsyncClient, clock: FakeClock, authorization: str
) -> None:
    headers = with_cookie(clock, Authorization=authorization, **{"Sec-Fetch-Site": "same-origin"})
    assert (await shop.get("/orders", headers=headers)).status_code == 401


async def test_where_no_context_gives_out_cookies_none_is_believed(clock: FakeClock) -> None:
    without = client(clock, OriginCheck())
    headers = with_cookie(clock, **{"Sec-Fetch-Site": "same-origin"})
    assert (await without.get("/orders", headers=headers)).json()["code"] == "not_authenticated"


@pytest.mark.parametrize("value", ["shop_anything", "x", "", "a" * 5000])
async def test_a_cookie_holds_an_access_token_or_nothing(shop: httpx.AsyncClient, value: str) -> None:
    headers = {"Cookie": f"{COOKIE}={value}", "Sec-Fetch-Site": "same-origin"}
    assert (await shop.post("/orders", headers=headers)).status_code == 401


async def test_an_expired_token_is_refused_in_a_cookie_too(shop: httpx.AsyncClient, clock: FakeClock) -> None:
    claims = jwt.decode(token(clock), options={"verify_signature": False})
    old = token(clock, iat=claims["iat"] - 999, exp=claims["iat"] - 600)
    headers = {"Cookie": f"{COOKIE}={old}", "Sec-Fetch-Site": "same-origin"}
    assert (await shop.get("/orders", headers=headers)).json()["code"] == "token_expired"


def test_the_problem_says_what_else_to_do() -> None:
    request = Request({"type": "http", "method": "POST", "scheme": "https", "headers": []})
    with pytest.raises(AuthorizationError, match="header Authorization"):
        OriginCheck().demand(request)
