"""A route is guarded by the host, or not served at all; nothing that breaks inside gets out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel

from hedgerow_core.domain import ConflictError, UnavailableError
from hedgerow_core.http import ContextRouter, Gate, access_of, authenticated, permitted, public
from hedgerow_core.http.middleware import RequestBoundary
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import PermissionTable, TokenVerifier
from hedgerow_core.testing import FakeClock


class Body(BaseModel):
    number: int


def router() -> ContextRouter:
    router = ContextRouter("shop")

    @router.post("/orders")
    @authenticated
    async def place(body: Body) -> None: ...

    @router.get("/break")
    @public
    async def break_() -> None:
        raise RuntimeError("password=hunter2")

    @router.get("/conflict")
    @public
    async def conflict() -> None:
        raise ConflictError("Taken.", code="shop.taken", details={"by": "somebody"})

    @router.get("/away")
    @public
    async def away() -> None:
        raise UnavailableError("Later.", retry_after=timedelta(milliseconds=1500))

    return router


def app(*, guarded: bool) -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(RequestBoundary)
    gate = Gate(TokenVerifier([], FakeClock()), PermissionTable([]))
    for route in router().routes:
        assert isinstance(route, PipelineRoute)
        access = access_of(route.endpoint)
        assert access is not None
        if guarded:
            route.stages = gate.stages_for(access)
        app.router.routes.append(route)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app(guarded=True), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_route_that_no_host_has_guarded_refuses_every_request() -> None:
    transport = httpx.ASGITransport(app(guarded=False), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/v1/shop/conflict")).status_code == 500


async def test_a_stranger_is_refused_before_the_body_is_looked_at(client: httpx.AsyncClient) -> None:
    refused = await client.post("/v1/shop/orders", content=b"{", headers={"content-type": "application/json"})

    assert refused.json()["code"] == "not_authenticated"


async def test_the_unforeseen_is_a_500_that_tells_nothing_but_its_trace(client: httpx.AsyncClient) -> None:
    broken = await client.get("/v1/shop/break")

    assert broken.status_code == 500
    assert broken.headers["content-type"] == "application/problem+json"
    assert broken.json()["code"] == "internal_error"
    assert "hunter2" not in broken.text
    assert "RuntimeError" not in broken.text


async def test_a_broken_rule_keeps_its_code_and_details(client: httpx.AsyncClient) -> None:
    conflict = await client.get("/v1/shop/conflict")

    assert conflict.status_code == 409
    assert conflict.json()["code"] == "shop.taken"
    assert conflict.json()["details"] == {"by": "somebody"}


async def test_what_may_succeed_later_says_when_in_whole_seconds(client: httpx.AsyncClient) -> None:
    away = await client.get("/v1/shop/away")

    assert (away.status_code, away.headers["retry-after"]) == (503, "2")


async def test_the_line_of_a_request_says_which_503_it_was_and_nothing_of_what_callers_got_wrong(
    client: httpx.AsyncClient,
) -> None:
    with structlog.testing.capture_logs() as logged:
        away = await client.get("/v1/shop/away")
        await client.get("/v1/shop/conflict")

    told = [(line["status"], line.get("code")) for line in logged if line["event"] == "request"]
    assert told == [(503, away.json()["code"]), (409, None)]


def test_a_route_states_one_decision() -> None:
    with pytest.raises(TypeError, match="two access decisions"):

        @public
        @permitted("shop:order:read")
        async def undecided() -> None: ...
