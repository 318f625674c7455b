"""Runs deliveries and tasks: as a dramatiq worker on Redis, or inside the API process for `hedgerow dev`.

The ledger is PostgreSQL. What travels through the broker are hints, so its loss costs latency and nothing else
(ADR 0002).
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import redis
from dramatiq import Actor, Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

from hedgerow_core.messaging import Dispatcher, Hint, InProcessHints
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.assembly import Assembly

DRAIN_THREADS = 8
"""Drains at the same time per process. Each waits for PostgreSQL most of its time."""
POLL_MS = 100
"""How soon an idle worker notices a hint."""
HEARTBEAT_TIMEOUT_MS = 5_000
"""After this silence another worker takes over a killed worker's hints (measured: 8 of 8 came back in 11 s)."""
ALWAYS_MAINTAIN = 1_000_000
"""Chance in a million that a command looks for dead workers; dramatiq's default of 1,000 means minutes."""
REDIS_TIMEOUT_S = 5.0
SHUTDOWN_GRACE_S = 20.0

_log = log_of(__name__)


class BrokerHints:
    """Sends hints through dramatiq: one queue per context, one actor, `drain(context, subscription, partition)`."""

    def __init__(self, url: str, address: DatabaseAddress) -> None:
        timeouts = {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S}
        self.broker = RedisBroker(  # type: ignore[no-untyped-call] # dramatiq types its actors, not its brokers
            client=redis.Redis.from_url(url, **timeouts),
            # No middleware: no retries (the ledger retries), no time limits (the lease limits), no results.
            middleware=[],
            namespace=_namespace_of(address),
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=ALWAYS_MAINTAIN,
        )
        self._actors: dict[str, Actor[[str, str, int], None]] = {}

    def work_with(self, assembly: Assembly, loop: asyncio.AbstractEventLoop) -> None:
        """Declare each context's queue and have its hints drained on `loop`."""

        def drain(context: str, subscription: str, partition: int) -> None:
            hint = Hint(context, subscription, partition)
            asyncio.run_coroutine_threadsafe(assembly.drain(hint), loop).result()

        for name in assembly.names:
            self._actors[name] = Actor(
                drain, broker=self.broker, actor_name=f"drain_{name}", queue_name=name, priority=0, options={}
            )

    async def send(self, hint: Hint) -> None:
        """Put the hint into its context's queue.

        Raises:
            ConnectionError: Redis is away.
        """
        message = self._actors[hint.context].message(hint.context, hint.subscription, hint.partition)
        try:
            await asyncio.to_thread(self.broker.enqueue, message)
        except (RedisError, BrokerConnectionError) as error:
            raise ConnectionError(f"the broker is away: {error}") from error


@asynccontextmanager
async def working_in_process(assembly: Assembly) -> AsyncIterator[None]:
    """Work while the body runs, without a broker."""
    hints = InProcessHints(assembly.drain)
    async with _dispatching(assembly.dispatchers(hints)):
        yield
    await hints.finish()


async def run_worker(assembly: Assembly, broker_url: str, address: DatabaseAddress) -> None:
    """Work until SIGTERM or SIGINT; then finish what is running and return."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    hints = BrokerHints(broker_url, address)
    hints.work_with(assembly, loop)
    worker = Worker(hints.broker, worker_threads=DRAIN_THREADS, worker_timeout=POLL_MS)
    async with assembly.running():
        worker.start()
        async with _dispatching(assembly.dispatchers(hints)):
            _log.info("worker_ready", contexts=assembly.names, threads=DRAIN_THREADS)
            await stop.wait()
            _log.info("worker_stopping")
        await asyncio.to_thread(worker.stop, int(SHUTDOWN_GRACE_S * 1000))
        await asyncio.to_thread(hints.broker.close)


def _namespace_of(address: DatabaseAddress) -> str:
    """Where a database's hints lie in Redis: two hosts that share a Redis must not take each other's."""
    return f"hedgerow:{hashlib.sha256(address.place.encode()).hexdigest()[:12]}"


@asynccontextmanager
async def _dispatching(dispatchers: Sequence[Dispatcher]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as running:
        for dispatcher in dispatchers:
            running.create_task(dispatcher.run())
        try:
            yield
        finally:
            for dispatcher in dispatchers:
                dispatcher.stop()
