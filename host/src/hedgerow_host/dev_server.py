"""The serving half of `hedgerow dev`: the child that is replaced whenever code changes."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import sys
import urllib.request
from pathlib import Path

import uvicorn

from hedgerow_core.caching import in_process_store
from hedgerow_core.observability import configure_logging
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import stop_orphaned_postgres
from hedgerow_host.api import create_app, serve, server_config
from hedgerow_host.banner import banner
from hedgerow_host.exits import HostError, leave_over
from hedgerow_host.grpc_beside import grpc_beside
from hedgerow_host.listening import reachable
from hedgerow_host.mounting import routes_of
from hedgerow_host.problems import CompositionError
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.start import started
from hedgerow_host.telemetry import telemetry
from hedgerow_host.watch import Watch

READY_POLL_S = 0.05
READY_TIMEOUT_S = 1.0


def serve_dev(
    settings: HostSettings,
    address: DatabaseAddress,
    embedded_in: Path | None,
    listening: socket.socket,
    *,
    announce: bool,
) -> None:
    """Migrate, serve API and worker until told to stop, and print the banner once `/readyz` has answered."""
    configure_logging(settings.log_format)
    try:
        assembly = started(settings, address, migrate=True, cache=in_process_store())
        readiness = Readiness(assembly, Watch(assembly, settings.stale_after_s), settings.broker_url)
        grpc = grpc_beside(settings, assembly, readiness)
        app = create_app(assembly, routes_of(assembly), readiness, settings=settings, with_worker=True, grpc=grpc)
    except Exception as error:
        leave_over(error)
    server = uvicorn.Server(server_config(app, settings.trusted_proxies))
    url = f"http://{reachable(settings.host)}:{listening.getsockname()[1]}"

    async def run() -> None:
        _end_with_parent(server)
        serving = asyncio.create_task(serve(server, listening, assembly, grpc))
        if await _answers(f"{url}/readyz", serving) and announce:
            sys.stdout.write(await banner(assembly, url, address, embedded_in))
            sys.stdout.flush()
        await serving

    try:
        with (
            telemetry(settings, "dev"),
            asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner,
        ):
            runner.run(run())
    except (CompositionError, HostError) as error:
        leave_over(error)
    finally:
        if _parent_is_gone() and embedded_in is not None:
            stop_orphaned_postgres(embedded_in)


def _end_with_parent(server: uvicorn.Server) -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(parent.sentinel)
        server.should_exit = True

    loop.add_reader(parent.sentinel, end)


def _parent_is_gone() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


async def _answers(url: str, serving: asyncio.Task[None]) -> bool:
    """Whether `url` answers 200 before the server ends."""
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open  # no proxy answers for us
    while not serving.done():
        try:
            await asyncio.to_thread(ask, url, timeout=READY_TIMEOUT_S)
        except OSError:
            await asyncio.sleep(READY_POLL_S)
        else:
            return True
    return False
