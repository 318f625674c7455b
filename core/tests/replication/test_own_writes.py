"""Who writes over HTTP reads it at once, from this process and from every other, whatever the replica has."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request

from core.tests.replication.shop import price_in, set_price, until
from hedgerow_core.domain import new_id
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.http.own_writes import COOKIE, OwnWrites
from hedgerow_core.http.pipeline import PipelineRoute
from hedgerow_core.persistence import Database
from hedgerow_core.replication import Replica
from hedgerow_core.security import Principal
from hedgerow_core.testing.replicas import ReplicaServer

ANN = new_id()


def process(shop: Database, replica: Replica) -> httpx.AsyncClient:
    """One API process."""
    router = ContextRouter("shop")

    @router.get("/price")
    @public
    async def price() -> int:
        return await price_in(shop)

    @router.put("/price/{new}")
    @public
    async def change(new: int) -> None:
        await set_price(shop, new)

    @router.put("/broken/{new}")
    @public
    async def change_and_break(new: int) -> None:
        await set_price(shop, new)
        raise RuntimeError("after the commit")

    async def authenticate(request: Request) -> None:
        if "x-subject" in request.headers:
            subject = UUID(request.headers["x-subject"])
            request.state.principal = Principal(subject=subject, session=None, roles=frozenset())

    app, own_writes = FastAPI(), OwnWrites(replica)
    for route in router.routes:
        assert isinstance(route, PipelineRoute)
        route.stages, route.own_writes = (authenticate,), own_writes
        app.router.routes.append(route)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://shop.test/v1/shop")


def as_(subject: UUID) -> dict[str, str]:
    return {"x-subject": str(subject)}


async def price_at(client: httpx.AsyncClient, **headers: str) -> int:
    price: int = (await client.get("/price", headers=headers)).json()
    return price


async def test_a_cookie_tells_every_process_when_its_bearer_wrote(
    shop: Database, replica: Replica, servers: ReplicaServer
) -> None:
    await servers.fall_behind()
    async with process(shop, replica) as one, process(shop, replica) as other:
        answer = await one.put("/price/1")

        assert (await price_at(one), await price_at(other)) == (1, 0)
        other.cookies = one.cookies
        assert await price_at(other) == 1
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "Path=/", "Max-Age=10", "SameSite=lax"} <= set(cookie.split("; "))


async def test_who_keeps_no_cookies_is_known_by_their_name_in_the_same_process(
    shop: Database, replica: Replica, servers: ReplicaServer
) -> None:
    await servers.fall_behind()
    async with process(shop, replica) as client:
        await client.put("/price/1", headers=as_(ANN))
        client.cookies.clear()

        assert await price_at(client, **as_(ANN)) == 1
        assert await price_at(client, **as_(new_id())) == 0


async def test_what_breaks_after_its_commit_is_remembered_as_well(
    shop: Database, replica: Replica, servers: ReplicaServer
) -> None:
    await servers.fall_behind()
    async with process(shop, replica) as client:
        assert (await client.put("/broken/1", headers=as_(ANN))).status_code == 500

        assert await price_at(client, **as_(ANN)) == 1


async def test_who_only_reads_gets_no_cookie(shop: Database, replica: Replica) -> None:
    async with process(shop, replica) as client:
        assert "set-cookie" not in (await client.get("/price")).headers


@pytest.mark.parametrize("told", ["", "-1", "1e9", "9" * 400, "0x10", "yesterday"])
async def test_a_cookie_that_says_nothing_is_as_good_as_none(
    shop: Database, replica: Replica, servers: ReplicaServer, told: str
) -> None:
    await until(lambda: replica.has(None))
    async with process(shop, replica) as client:
        assert (await client.get("/price", headers={"cookie": f"{COOKIE}={told}"})).json() == 0
