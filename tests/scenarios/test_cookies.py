"""Cookie mode on a running host: a page of ours, a page of a friend, and everybody else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Production
from tests.scenarios.test_errors import problem
from tests.story import expect, sign_up

FRIEND, STRANGER = "https://app.example.org", "https://evil.example"
ACCESS, REFRESH = "__Host-hedgerow_access", "__Secure-hedgerow_refresh"


@pytest.fixture(scope="module")
def site(shared_production: Production) -> Iterator[httpx.Client]:
    settings = {"USERS_COOKIES": "true", "HEDGEROW_CORS_ORIGINS": FRIEND, "HEDGEROW_CORS_CREDENTIALS": "true"}
    with shared_production.with_settings(**settings).api() as (_process, client):
        yield client


def held(answer: httpx.Response) -> dict[str, str]:
    """The cookies that it set, as a browser sends them over https; this client is on http, and keeps none."""
    pairs = dict(header.partition(";")[0].split("=", 1) for header in answer.headers.get_list("set-cookie"))
    assert pairs.keys() == {ACCESS, REFRESH}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in pairs.items())}


def own(client: httpx.Client) -> str:
    return f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"


def test_pages_of_good_origins_act_with_cookies_in_every_context_and_strangers_in_none(site: httpx.Client) -> None:
    shopper = sign_up(site)
    login = {"email": shopper.email, "password": shopper.password, "cookies": True}
    draft = {"currency": "EUR", "lines": [{"description": "Hedge", "quantity": 1, "unit_price": 5}]}
    for origin in (own(site), FRIEND):
        entered = site.post("/v1/users/login", json=login, headers={"Origin": origin})
        assert entered.json()["token_type"] == "Cookie"
        page = {**held(entered), "Origin": origin}
        expect(site.get("/v1/users/me", headers=page), 200)
        expect(site.post("/v1/billing/invoices", json=draft, headers=page), 201)
        renewed = site.post("/v1/users/refresh", headers=page)
        page = {**held(renewed), "Origin": origin}

        for evil in (
            {"Origin": STRANGER},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site", "Origin": own(site)},
        ):
            abroad = {**page, **evil}
            problem(site.post("/v1/billing/invoices", json=draft, headers=abroad), 403, "cross_origin")
            problem(site.post("/v1/users/refresh", headers=abroad), 403, "cross_origin")
            problem(site.post("/v1/users/logout", headers=abroad), 403, "cross_origin")
            problem(site.post("/v1/users/login", json=login, headers=abroad), 403, "cross_origin")
        assert site.post("/v1/users/logout", headers=page).status_code == httpx.codes.NO_CONTENT
    tokens = {**shopper._headers, "Origin": STRANGER}
    expect(site.post("/v1/billing/invoices", json=draft, headers=tokens), 201)


def test_a_host_without_cookie_mode_takes_no_notice_of_cookies(client: httpx.Client) -> None:
    shopper = sign_up(client)
    cookie = {"Cookie": f"{ACCESS}={shopper.tokens['access_token']}", "Origin": own(client)}

    problem(client.get("/v1/users/me", headers=cookie), 401, "not_authenticated")
