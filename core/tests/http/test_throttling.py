"""A route meets the host's quota and its own; callers are told what is left. They are counted by who or where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request

from hedgerow_core.application import Quota
from hedgerow_core.domain import ConflictError
from hedgerow_core.http import ContextRouter, Throttle, public, throttled
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.http.networks import network_of
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import Principal

ALL = Quota(name="default", limit=600, period=timedelta(minutes=1), burst=100)


def router() -> ContextRouter:
    router = ContextRouter("shop")

    @router.get("/orders")
    @public
    async def orders() -> None:
        raise ConflictError("Taken.")

    @router.post("/login")
    @public
    @throttled("login", per_minute=2)
    async def login() -> None: ...

    @router.post("/recover")
    @throttled("login", per_minute=2)
    @public
    async def recover() -> None: ...

    return router


async def identify(request: Request) -> None:
    if subject := request.headers.get("x-subject"):
        request.state.principal = Principal(subject=UUID(subject), session=None, roles=frozenset())


@pytest.fixture
async def app() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(RequestBoundary)
    throttle = Throttle(InProcessLimiter(), ALL)
    for route in router().routes:
        assert isinstance(route, PipelineRoute)
        route.stages = (identify, throttle.stage_for(route.endpoint))
        app.router.routes.append(route)
    return app


def client_at(app: FastAPI, host: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(host, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test/v1/shop")


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_at(app, "192.0.2.1") as client:
        yield client


async def test_every_answer_says_what_is_left_also_one_of_an_error(http: httpx.AsyncClient) -> None:
    answer = await http.get("/orders")

    assert answer.status_code == 409
    assert answer.headers["ratelimit-policy"] == '"default";q=600;w=60'
    assert answer.headers["ratelimit"] == '"default";r=99;t=1'


async def test_beyond_its_own_quota_a_route_answers_429_and_says_when(http: httpx.AsyncClient) -> None:
    answers = [await http.post("/login") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["ratelimit-policy"] == '"default";q=600;w=60, "login";q=2;w=60'
    assert refused.headers["ratelimit"] == '"default";r=98;t=1, "login";r=0;t=60'
    assert (await http.get("/orders")).status_code == 409, "the host's quota is not used up"


async def test_routes_that_state_the_same_name_share_what_they_count(http: httpx.AsyncClient) -> None:
    statuses = [(await http.post(path)).status_code for path in ("/login", "/recover", "/login")]

    assert statuses == [200, 200, 429]


async def test_strangers_are_counted_by_network_and_principals_wherever_they_are(app: FastAPI) -> None:
    ann, ben = {"x-subject": str(UUID(int=1))}, {"x-subject": str(UUID(int=2))}

    async def login(host: str, headers: dict[str, str]) -> int:
        async with client_at(app, host) as client:
            return (await client.post("/login", headers=headers)).status_code

    assert [await login("2001:db8::1", {}), await login("2001:db8::2", {})] == [200, 200]
    assert await login("2001:db8::3", {}) == 429
    assert await login("2001:db8:0:1::1", {}) == 200
    assert [await login("192.0.2.1", ann), await login("192.0.2.2", ann)] == [200, 200]
    assert await login("192.0.2.3", ann) == 429
    assert await login("192.0.2.3", ben) == 200


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not an address" * 9, ("not an address" * 9)[:64]),
    ],
)
def test_a_network_is_an_ipv4_address_or_the_64_bits_that_a_customer_has(host: str, network: str) -> None:
    assert network_of({"type": "http", "client": (host, 1)}) == network


def test_who_has_no_address_is_one_network() -> None:
    assert network_of({"type": "http", "client": None}) == "unknown"
