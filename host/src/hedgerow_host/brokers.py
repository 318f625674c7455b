"""The broker behind `HEDGEROW_BROKER_URL`, Redis or RabbitMQ: hints go out through it, and drains are woken by it.

What travels through it are hints, so its loss costs latency and nothing else (ADR 0002, ADR 0010).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

from dramatiq import Actor
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

from hedgerow_core.messaging import Hint
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host import rabbitmq
from hedgerow_host.broker_signs import is_rabbitmq, namespace_of
from hedgerow_host.rabbitmq import HintBroker
from hedgerow_host.redis_hints import HintsOnly

SENT_BACK_WITHIN_S = 1.0
"""A worker that ends does not wait longer for a broker that is silent."""
BROUGHT_AGAIN_S = 0.05
"""RabbitMQ goes on to bring hints here, and if there is no other worker, the same one: in no whirl."""
TEND_EVERY_S = rabbitmq.HEARTBEAT_S / 2


class BrokerHints:
    """Sends hints through dramatiq: one queue per context, one actor, `drain(context, subscription, partition)`."""

    def __init__(self, url: str, address: DatabaseAddress) -> None:
        self.broker: HintsOnly | HintBroker
        # Two hosts that share a broker must not take each other's hints: all names carry the database's.
        if is_rabbitmq(url):
            self.broker, self._prefix = HintBroker(url), f"{namespace_of(address, '.')}."
        else:
            self.broker, self._prefix = HintsOnly(url, namespace_of(address)), ""
        self._actors: dict[str, Actor[[str, str, int], None]] = {}
        # One thread, because a connection to RabbitMQ belongs to the thread that opened it.
        self._sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hints")
        self._passes_on = False

    def queue_of(self, context: str) -> str:
        """The name of a context's queue."""
        return f"{self._prefix}{context}"

    def work_with(
        self,
        contexts: Sequence[str],
        drain: Callable[[Hint], Coroutine[Any, Any, None]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Declare each context's queue, and have `drain` run on `loop` for every hint that comes out of it."""

        async def follow(hint: Hint) -> bool:
            if self._passes_on:  # on the loop, so that nobody is told to stop between this question and the drain
                return False
            await drain(hint)
            return True

        def work(context: str, subscription: str, partition: int) -> None:
            hint = Hint(context, subscription, partition)
            if not asyncio.run_coroutine_threadsafe(follow(hint), loop).result():
                self._send_back(hint)

        for name in contexts:
            self._actors[name] = Actor(
                work,
                broker=self.broker,
                actor_name=f"drain_{name}",
                queue_name=self.queue_of(name),
                priority=0,
                options={},
            )

    def pass_on(self) -> None:
        """Follow no hint from now on: those that were fetched already go to other workers.

        A hint that was taken and not followed would be sent again no sooner than after `RESEND_AFTER_S`.
        """
        self._passes_on = True
        if isinstance(self.broker, HintsOnly):
            self.broker.fetches = False

    def _send_back(self, hint: Hint) -> None:
        if isinstance(self.broker, HintBroker):
            time.sleep(BROUGHT_AGAIN_S)
        sending = self._sender.submit(self._enqueue, [hint])
        with suppress(RedisError, BrokerConnectionError, TimeoutError):  # who hints for all will send it again
            sending.result(SENT_BACK_WITHIN_S)
        sending.cancel()

    async def send(self, *hints: Hint) -> None:
        """Put the hints into their contexts' queues.

        Raises:
            ConnectionError: the broker is away.
        """
        try:
            await asyncio.get_running_loop().run_in_executor(self._sender, self._enqueue, hints)
        except (RedisError, BrokerConnectionError) as error:
            raise ConnectionError(f"the broker is away: {error}") from error

    def _enqueue(self, hints: Sequence[Hint]) -> None:
        for hint in hints:
            message = self._actors[hint.context].message(hint.context, hint.subscription, hint.partition)
            self.broker.enqueue(message)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Keep the connection that hints are sent over alive while the body runs, and close it afterwards."""
        tending = asyncio.create_task(self._tend())
        try:
            yield
        finally:
            tending.cancel()
            await asyncio.get_running_loop().run_in_executor(self._sender, self.broker.close)
            self._sender.shutdown(wait=False)

    async def _tend(self) -> None:
        while isinstance(self.broker, HintBroker):
            await asyncio.sleep(TEND_EVERY_S)
            await asyncio.get_running_loop().run_in_executor(self._sender, self.broker.tend)
