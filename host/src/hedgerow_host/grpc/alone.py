"""gRPC without HTTP: the role `hedgerow grpc`."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack

from hedgerow_core.observability import log_of
from hedgerow_host.assembly import Assembly
from hedgerow_host.grpc.server import GrpcServer
from hedgerow_host.lean_start import spare_what_is_built
from hedgerow_host.start import entered
from hedgerow_host.watch import Watch
from hedgerow_host.wire.arrivals import Arrivals
from hedgerow_host.wire.believing import listening

_log = log_of(__name__)


async def run_grpc(server: GrpcServer, assembly: Assembly, watch: Watch) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is running and return.

    Raises:
        HostError: the port is taken, a lifespan failed, or a remote context that is required is away.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await server.bind()
    spare_what_is_built()
    arrivals = Arrivals(assembly)
    async with AsyncExitStack() as stack:
        for one in (entered(assembly), listening(assembly), watch.running(), arrivals.watching(), server.serving()):
            await stack.enter_async_context(one)
        await arrivals.arrive()
        await stop.wait()
        _log.info("grpc_stopping")
