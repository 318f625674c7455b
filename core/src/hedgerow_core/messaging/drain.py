"""Runs the due deliveries of a partition: effect, delivery state and new events commit together or not at all."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Cause, caused_by
from hedgerow_core.domain import Clock, UnavailableError
from hedgerow_core.messaging import deliveries, partitions
from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.messaging.deliveries import Delivery
from hedgerow_core.messaging.hints import Hint
from hedgerow_core.messaging.partitions import LEASE, Claim, FencedError
from hedgerow_core.messaging.work import LedgerWork
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database

MAX_BATCHES = 50
"""A drain gives its partition back after this many batches, so that no backlog starves the others."""

DEADLINE = timedelta(seconds=60)
"""A handler that takes longer has failed; one that hangs must not keep its partition for ever."""

_log = log_of(__name__)


class Drain:
    """The drain of one context. Safe to call from many tasks and processes at once, for the same hint too."""

    def __init__(
        self,
        database: Database,
        consumers: Mapping[str, Consumer],
        *,
        work_for: Callable[[AsyncConnection], LedgerWork],
        clock: Clock,
        owner: str,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._consumers = consumers
        self._work_for = work_for
        self._clock = clock
        self._owner = owner
        self._committed = committed

    async def __call__(self, hint: Hint) -> None:
        """Work off what is due in the hinted partition; returns at once if somebody else holds it.

        A database that is away, or a lease that was lost, ends the drain: the ledger still has the work.
        """
        consumer = self._consumers.get(hint.subscription)
        if consumer is None:
            _log.error("hint_for_unknown_subscription", subscription=hint.subscription)
            return
        try:
            async with self._database.transaction() as connection:
                claim = await partitions.take(connection, consumer.name, hint.partition, owner=self._owner)
            if claim is not None:
                async with self._kept(claim):
                    await self._work_off(claim, consumer)
        except FencedError:
            _log.warning("partition_lost", subscription=hint.subscription, partition=hint.partition)
        except UnavailableError as error:
            _log.warning("drain_interrupted", subscription=hint.subscription, error=str(error))

    async def _work_off(self, claim: Claim, consumer: Consumer) -> None:
        # A task that calls out is claimed alone: its call must not hold up, nor be repeated for, its neighbours.
        limit = 1 if consumer.calls_out else deliveries.BATCH
        for _ in range(MAX_BATCHES):
            async with self._database.transaction() as connection:
                await partitions.keep(connection, claim)
                batch = await deliveries.claim_batch(connection, claim, ordered=consumer.ordered, limit=limit)
            if not batch:
                return
            await self._run_batch(claim, consumer, batch)

    async def _run_batch(self, claim: Claim, consumer: Consumer, batch: Sequence[Delivery]) -> None:
        if len(batch) == 1:
            await self._run_alone(claim, consumer, batch[0])
            return
        try:
            await self._run_together(claim, consumer, batch)
        except FencedError:
            raise
        except Exception:
            # One of them failed and took the others back with it: find out which, one by one.
            blocked: set[str] = set()
            for delivery in batch:
                if delivery.ordering_key in blocked:
                    await self._put_back(claim, delivery)
                elif not await self._run_alone(claim, consumer, delivery) and consumer.ordered:
                    blocked.add(delivery.ordering_key)

    async def _run_together(self, claim: Claim, consumer: Consumer, batch: Sequence[Delivery]) -> None:
        async with asyncio.timeout(DEADLINE.total_seconds()), self._database.transaction() as connection:
            work = self._work_for(connection)
            for delivery in batch:
                with _inside(delivery):
                    message = consumer.decode(delivery.payload)
                    await consumer.apply(message, None, delivery.envelope, work)
                    await work.flush()
            await deliveries.complete(connection, claim, [delivery.id for delivery in batch])
        self._committed()

    async def _run_alone(self, claim: Claim, consumer: Consumer, delivery: Delivery) -> bool:
        """Run one delivery; True if it completed, False if its failure was written down."""
        if delivery.envelope.attempt > consumer.retry.attempts:
            lost = RuntimeError("no attempt lived to write down its outcome: killed, or cut off from the database")
            await self._write_down(claim, consumer, delivery, lost, final=True)
            return False
        with _inside(delivery):
            try:
                message = consumer.decode(delivery.payload)
            except Exception as error:
                await self._write_down(claim, consumer, delivery, error, final=True)
                return False
            try:
                async with asyncio.timeout(DEADLINE.total_seconds()):
                    answer = await consumer.call(message)
                    async with self._database.transaction() as connection:
                        work = self._work_for(connection)
                        await consumer.apply(message, answer, delivery.envelope, work)
                        await work.flush()
                        await deliveries.complete(connection, claim, [delivery.id])
            except FencedError:
                raise
            except Exception as error:
                await self._write_down(claim, consumer, delivery, error)
                return False
        self._committed()
        return True

    async def _write_down(
        self, claim: Claim, consumer: Consumer, delivery: Delivery, error: Exception, *, final: bool = False
    ) -> None:
        attempt = delivery.envelope.attempt
        dead = final or attempt >= consumer.retry.attempts
        trace = "".join(traceback.format_exception(error))
        async with self._database.transaction() as connection:
            await deliveries.fail(
                connection,
                claim,
                delivery.id,
                error=deliveries.failure(error, attempt, trace, self._clock.now()),
                retry_in=None if dead else consumer.retry.wait_after(attempt),
                reason=deliveries.storable(f"{type(error).__qualname__}: {error}"[:1000]) if dead else None,
            )
        log = _log.error if dead else _log.warning
        log(
            "delivery_dead" if dead else "delivery_failed",
            subscription=consumer.name,
            event_id=str(delivery.id),
            attempt=attempt,
            error=f"{type(error).__qualname__}: {error}",
        )

    async def _put_back(self, claim: Claim, delivery: Delivery) -> None:
        """Its predecessor of the same key failed: it waits behind it, and this attempt does not count."""
        async with self._database.transaction() as connection:
            await deliveries.put_back(connection, claim, delivery.id)

    @asynccontextmanager
    async def _kept(self, claim: Claim) -> AsyncIterator[None]:
        """Hold the lease while the body runs, and give it back afterwards."""
        keeper = asyncio.create_task(self._keep(claim))
        try:
            yield
        finally:
            keeper.cancel()
            async with self._database.transaction() as connection:
                await partitions.release(connection, claim)

    async def _keep(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                async with self._database.transaction() as connection:
                    await partitions.keep(connection, claim)
            except UnavailableError:
                continue  # The lease may run out; the token then fences us when we complete.
            except FencedError:
                return


@contextmanager
def _inside(delivery: Delivery) -> Iterator[None]:
    """Name the delivery in the log and as the cause of what its handler records."""
    envelope = delivery.envelope
    cause = Cause(correlation_id=envelope.correlation_id, causation_id=envelope.event_id, actor=envelope.actor)
    named = {"event_id": str(delivery.id), "trace_id": envelope.correlation_id}
    with structlog.contextvars.bound_contextvars(**named), caused_by(cause):
        yield
