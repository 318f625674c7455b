"""An API that was told to end says that it is unready, and serves on, until nobody is sent here any more."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_core.testing.servers import LOCALHOST
from hedgerow_host.api import server_config
from hedgerow_host.assembly import assemble
from hedgerow_host.draining import DrainingServer
from hedgerow_host.listening import bound_socket
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import Environment
from hedgerow_host.watch import Watch

DRAIN_S = 0.6
LONG_S = 60.0


def readiness_of() -> Readiness:
    """Of a host of nothing, which needs nothing."""
    assembly = assemble([], environment=Environment.TEST, data_dir=Path())
    return Readiness(assembly, Watch(assembly))


@asynccontextmanager
async def serving(drain_s: float) -> AsyncIterator[tuple[DrainingServer, httpx.AsyncClient, asyncio.Task[None]]]:
    app, readiness = FastAPI(), readiness_of()

    @app.get("/fast")
    async def fast() -> bool:
        return readiness.draining

    with bound_socket(LOCALHOST, 0) as listening:
        server = DrainingServer(server_config(app), readiness, drain_s)
        running = asyncio.create_task(server._serve([listening]))  # without its signal handlers: they are pytest's
        while not server.started:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient(base_url=f"http://{LOCALHOST}:{listening.getsockname()[1]}") as client:
            yield server, client, running
        server.should_exit = True
        await running


async def drained(client: httpx.AsyncClient) -> httpx.Response:
    """The first answer of an API that knows that it was told to end, and whose next answers say so."""
    async with asyncio.timeout(10):
        while not (await client.get("/fast")).json():  # noqa: ASYNC110 - only it knows
            await asyncio.sleep(0.01)
    return await client.get("/fast")


async def test_it_serves_on_and_ends_each_connection_with_its_answer() -> None:
    async with serving(LONG_S) as (server, client, running):
        before = await client.get("/fast")
        server.handle_exit(signal.SIGTERM, None)
        after = await drained(client)
        still_running = not running.done()

    assert "connection" not in before.headers
    assert (after.status_code, after.headers["connection"]) == (200, "close")
    assert still_running


async def test_it_stops_listening_after_that() -> None:
    async with serving(DRAIN_S) as (server, client, running):
        started = asyncio.get_running_loop().time()
        server.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(running, 30)
        with pytest.raises(httpx.ConnectError):
            await client.get("/fast")

    assert asyncio.get_running_loop().time() - started >= DRAIN_S


@pytest.mark.parametrize(("drain_s", "signals"), [(LONG_S, 2), (0.0, 1)])
async def test_a_second_signal_ends_the_wait_and_the_first_one_where_nobody_waits(
    drain_s: float, signals: int
) -> None:
    async with serving(drain_s) as (server, _client, running):
        for _ in range(signals):
            server.handle_exit(signal.SIGTERM, None)
        await asyncio.wait_for(running, 30)


async def test_a_process_that_drains_is_not_ready() -> None:
    readiness = readiness_of()
    ready = await readiness.answer(detailed=False)
    readiness.draining = True
    draining = await readiness.answer(detailed=False)

    assert (ready.status_code, draining.status_code) == (200, 503)
    assert b'"status":"draining"' in bytes(draining.body)
    assert int(draining.headers["Retry-After"]) > 0
