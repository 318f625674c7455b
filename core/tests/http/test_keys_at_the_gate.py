"""What an API key opens: nothing but what it was made for, and never what guards an account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_core.domain import new_id
from hedgerow_core.http import Caller, ContextRouter, Gate, access_of, authenticated, logged_in, permitted
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.security import (
    KeyAuthority,
    Permission,
    PermissionTable,
    Principal,
    PrincipalKind,
    TokenVerifier,
    scope_of_route,
)
from hedgerow_core.testing import FakeClock

SERVICE = new_id()


async def find(key: str, network: str) -> Principal | None:
    """`shop_<scope>.<scope>` is the key of an admin, `shop_service.<scope>` that of a service."""
    assert network, "a guess can be counted"
    scopes = frozenset(key.removeprefix("shop_").split(".")) - {""}
    if "bad" in scopes:
        return None
    if "service" in scopes:
        kind, roles = PrincipalKind.SERVICE, frozenset[str]()
        return Principal(subject=SERVICE, session=None, roles=roles, scopes=scopes - {"service"}, kind=kind)
    return Principal(subject=new_id(), session=None, roles=frozenset({"admin"}), scopes=scopes)


def router() -> ContextRouter:
    router = ContextRouter("shop")

    @router.get("/orders")
    @authenticated
    async def look(caller: Caller) -> str:
        return str(caller.subject)

    @router.post("/orders")
    @authenticated
    async def place() -> None: ...

    @router.api_route("/both", methods=["GET", "POST"])
    @authenticated
    async def both() -> None: ...

    @router.post("/password")
    @logged_in
    async def password() -> None: ...

    @router.delete("/orders")
    @permitted("shop:order:delete")
    async def delete() -> None: ...

    return router


def app(scope: Callable[[PipelineRoute], str | None]) -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    permissions = PermissionTable([Permission("shop:order:delete", "admin", "")])
    gate = Gate(TokenVerifier([], FakeClock()), permissions, keys=[KeyAuthority(prefix="shop_", find=find)])
    for route in router().routes:
        assert isinstance(route, PipelineRoute)
        access = access_of(route.endpoint)
        assert access is not None
        route.stages = gate.stages_for(access, scope=scope(route))
        app.router.routes.append(route)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app(lambda route: scope_of_route("shop", route.methods or ())))
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1/shop") as client:
        yield client


async def answer(client: httpx.AsyncClient, method: str, path: str, key: str) -> tuple[int, str]:
    got = await client.request(method, path, headers={"Authorization": f"Bearer {key}"})
    return got.status_code, got.json()["code"] if got.is_error else ""


@pytest.mark.parametrize(
    ("method", "path", "opens"),
    [
        ("GET", "/orders", "shop:read"),
        ("POST", "/orders", "shop:write"),
        ("GET", "/both", "shop:write"),
        ("POST", "/both", "shop:write"),
        ("DELETE", "/orders", "shop:order:delete"),
    ],
)
async def test_a_route_is_open_to_the_one_scope_that_it_needs(
    client: httpx.AsyncClient, method: str, path: str, opens: str
) -> None:
    every = {"shop:read", "shop:write", "shop:order:delete", "bank:read", "bank:write", "shop:order:look"}

    assert (await answer(client, method, path, f"shop_{opens}"))[0] == 200
    others = f"shop_{'.'.join(sorted(every - {opens}))}"
    assert await answer(client, method, path, others) == (403, "scope_missing")
    refused = await client.request(method, path, headers={"Authorization": f"Bearer {others}"})
    assert refused.json()["details"] == {"scope": opens}


async def test_a_key_that_may_everything_opens_nothing_that_guards_the_account(client: httpx.AsyncClient) -> None:
    for who in ("", "service."):
        key = f"shop_{who}shop:read.shop:write.shop:order:delete"
        assert await answer(client, "POST", "/password", key) == (403, "login_required")


async def test_a_service_is_let_in_as_itself(client: httpx.AsyncClient) -> None:
    got = await client.get("/orders", headers={"Authorization": "Bearer shop_service.shop:read"})

    assert (got.status_code, got.json()) == (200, str(SERVICE))


async def test_a_bad_key_is_refused_as_a_bad_token_is(client: httpx.AsyncClient) -> None:
    refused = await client.get("/orders", headers={"Authorization": "Bearer shop_bad"})

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_key")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


async def test_what_has_another_prefix_is_taken_for_a_token(client: httpx.AsyncClient) -> None:
    assert await answer(client, "GET", "/orders", "shopshop:read") == (401, "invalid_token")
    assert await answer(client, "GET", "/orders", "SHOP_shop:read") == (401, "invalid_token")


async def test_a_route_whose_scope_nobody_names_is_closed_to_keys() -> None:
    transport = httpx.ASGITransport(app(lambda _route: None))
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1/shop") as client:
        assert await answer(client, "GET", "/orders", "shop_shop:read") == (403, "login_required")


@pytest.mark.parametrize("prefix", ["", "hgk", "_", "HGK_", "h_", "eyJ.", "hgk__", "averylongprefix_"])
def test_a_prefix_is_recognised_at_a_glance(prefix: str) -> None:
    with pytest.raises(ValueError, match="no prefix of keys"):
        KeyAuthority(prefix=prefix, find=find)
