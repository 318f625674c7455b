"""Runs deliveries and tasks as a dramatiq worker behind a broker.

The ledger is PostgreSQL. What wakes a worker are hints, so their loss costs latency and nothing else (ADR 0002).
"""

from __future__ import annotations

import asyncio
import signal
import socket

from dramatiq import Worker

from hedgerow_core.observability import log_of
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.assembly import Assembly
from hedgerow_host.broker_complaints import hear_once_a_minute
from hedgerow_host.brokers import BrokerHints
from hedgerow_host.dispatching import running_dispatchers
from hedgerow_host.lean_start import spare_what_is_built
from hedgerow_host.readiness import Readiness
from hedgerow_host.start import entered
from hedgerow_host.streams.streaming import streaming
from hedgerow_host.wire.arrivals import Arrivals
from hedgerow_host.worker_probes import answering_probes

DRAIN_THREADS = 8
"""Drains at the same time per process. Each waits for PostgreSQL most of its time."""
LOOK_IN_EVERY_MS = 500
"""How soon an idle worker notices a hint that another one has sent. The one that hints for all wakes itself."""
PREFETCH = 16
"""Hints of a context that a process may hold; what it has no thread for is better left to others."""
SHUTDOWN_GRACE_S = 20.0

_log = log_of(__name__)


async def run_worker(
    assembly: Assembly,
    readiness: Readiness,
    broker_url: str,
    address: DatabaseAddress,
    stream_url: str | None = None,
    *,
    probes: socket.socket | None = None,
) -> None:
    """Work until SIGTERM or SIGINT; then finish what is running, give back the rest, and return.

    `probes` is where it answers whether it works.

    Raises:
        HostError: a lifespan failed, or there is a `stream_url`, and nothing to reach it with is installed.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    hints = BrokerHints(broker_url, address)
    hints.work_with(assembly.names, assembly.drain, loop)
    worker = Worker(hints.broker, worker_threads=DRAIN_THREADS, worker_timeout=LOOK_IN_EVERY_MS)
    worker.queue_prefetch = PREFETCH
    hear_once_a_minute(hints.broker.queues)
    spare_what_is_built()
    arrivals = Arrivals(assembly)
    async with (
        answering_probes(readiness, probes),
        entered(assembly),
        readiness.watch.running(),
        hints.connected(),
        arrivals.watching(),
    ):
        await arrivals.arrive()
        worker.start()
        async with running_dispatchers(assembly.dispatchers(hints)), streaming(assembly, stream_url):
            _log.info("worker_ready", contexts=assembly.names, threads=DRAIN_THREADS)
            await stop.wait()
            _log.info("worker_stopping")
            readiness.draining = True
            hints.pass_on()
            assembly.take_no_more()
        await asyncio.to_thread(worker.stop, int(SHUTDOWN_GRACE_S * 1000))
