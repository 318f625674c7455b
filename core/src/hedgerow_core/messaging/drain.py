"""Runs the due deliveries of a partition: effect, delivery state and new events commit together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import Clock, ConflictError, UnavailableError
from hedgerow_core.messaging import deliveries, partitions
from hedgerow_core.messaging.attempts import Attempt, Attempts
from hedgerow_core.messaging.calling_out import called
from hedgerow_core.messaging.consumers import Consumer, NewerVersionError
from hedgerow_core.messaging.deliveries import Delivery
from hedgerow_core.messaging.hints import Hint
from hedgerow_core.messaging.partitions import FencedError
from hedgerow_core.messaging.recovery import Recovery
from hedgerow_core.messaging.telling import broken_off, failure, message_of, reason_of
from hedgerow_core.messaging.turn import OrphanedError, Turn
from hedgerow_core.messaging.work import LedgerWork
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import EFFECTS
from hedgerow_core.observability.tracing import handling_together
from hedgerow_core.persistence import ContextIsMoving, Database

DEADLINE = timedelta(seconds=60)
"""A handler, or a batch, that takes longer has failed; one that hangs must not keep its partition for ever."""

NOBODYS = -1
"""Which of a batch failed, if it was none of them, but the commit."""

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
        recovery: Recovery | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._consumers = consumers
        self._work_for = work_for
        self._clock = clock
        self._owner = owner
        self._recovery = recovery or Recovery()
        self._committed = committed
        self._stopping = False

    def stop(self) -> None:
        """Take nothing more: what is claimed is finished, and partitions are given back, for others to go on."""
        self._stopping = True

    async def __call__(self, hint: Hint) -> None:
        """Work off what is due in the hinted partition; returns at once if somebody else holds it.

        A database that is away, or a lease that was lost, ends the drain: the ledger still has the work.
        """
        if self._stopping:
            return
        consumer = self._consumers.get(hint.subscription)
        if consumer is None:
            _log.error("hint_for_unknown_subscription", subscription=hint.subscription)
            return
        try:
            try:
                await self._work_off(consumer, hint.partition)
            except OrphanedError:
                # No longer orphaned when it is our turn: then somebody else was faster.
                async with self._recovery.one_at_a_time():
                    with suppress(OrphanedError):
                        await self._work_off(consumer, hint.partition, recovering=True)
        except FencedError:
            _log.warning("partition_lost", subscription=hint.subscription, partition=hint.partition)
        except ContextIsMoving:
            return  # The dispatcher waits, and says so once; whoever works on after the move finds all of it.
        except (UnavailableError, ConflictError) as error:
            _log.warning("drain_interrupted", subscription=hint.subscription, error=message_of(error))

    async def _work_off(self, consumer: Consumer, partition: int, *, recovering: bool = False) -> None:
        turn = await Turn.take(
            self._database,
            consumer,
            partition,
            owner=self._owner,
            recovering=recovering,
            stopping=lambda: self._stopping,
        )
        if turn is None or not turn.batch:
            return
        async with turn.kept():
            while turn.batch:
                batch, turn.batch = turn.batch, None
                await self._run_batch(turn, batch)
                await turn.go_on()

    async def _run_batch(self, turn: Turn, batch: Sequence[Delivery]) -> None:
        if len(batch) == 1:
            await self._run_alone(turn, batch[0], then_claim=True)
            return
        failed_at = await self._run_together(turn, batch, then_claim=True)
        if failed_at is not None:
            blocked: set[str] = set()
            await self._run_around(turn, batch, failed_at, blocked)
            await self._put_back(turn, [delivery.id for delivery in batch if delivery.ordering_key in blocked])

    async def _run_around(self, turn: Turn, batch: Sequence[Delivery], failed_at: int, blocked: set[str]) -> None:
        """One of them failed and took the others back with it: what is before and behind it runs without it.

        What follows a failure of its key is left out.
        """
        left, at = batch, failed_at
        while left:
            if at == NOBODYS:
                await self._run_singly(turn, left, blocked)
                return
            before, failed, behind = left[:at], left[at], left[at + 1 :]
            again = await self._run_together(turn, before) if before else None
            if again is not None:
                await self._run_around(turn, before, again, blocked)
            await self._run_singly(turn, [failed], blocked)
            left = [delivery for delivery in behind if delivery.ordering_key not in blocked]
            next_failed_at = await self._run_together(turn, left) if left else None
            if next_failed_at is None:
                return
            at = next_failed_at

    async def _run_singly(self, turn: Turn, batch: Sequence[Delivery], blocked: set[str]) -> None:
        for delivery in batch:
            if delivery.ordering_key in blocked:
                continue
            if not await self._run_alone(turn, delivery) and turn.consumer.ordered:
                blocked.add(delivery.ordering_key)

    async def _run_together(self, turn: Turn, batch: Sequence[Delivery], *, then_claim: bool = False) -> int | None:
        """Run them in one transaction; returns which of them failed, `NOBODYS`, or None if all went through."""
        consumer = turn.consumer
        attempts = Attempts(self._database.context, consumer.name)
        at = NOBODYS
        try:
            with handling_together(consumer.name, [delivery.traceparent for delivery in batch]):
                async with asyncio.timeout(DEADLINE.total_seconds()), self._database.transaction() as connection:
                    work = self._work_for(connection)
                    for at, delivery in enumerate(batch):  # noqa: B007 - it is what a failure leaves behind
                        with attempts.at(delivery).running():
                            message = consumer.decode(delivery.payload, delivery.envelope.version)
                            await consumer.apply(message, None, delivery.envelope, work)
                    at = NOBODYS
                    await work.flush()
                    await turn.complete(connection, [delivery.id for delivery in batch])
                    following = await turn.following(connection) if then_claim else None
        except (FencedError, ContextIsMoving):
            raise
        except Exception as error:
            where = {"context": self._database.context, "subscription": consumer.name, "size": len(batch)}
            _log.info("batch_failed", **where, failed_at=at, error=type(error).__qualname__)
            return at
        turn.batch = following
        await self._took_effect(consumer, len(batch), work)
        return None

    async def _run_alone(self, turn: Turn, delivery: Delivery, *, then_claim: bool = False) -> bool:
        """Run one delivery; True if it completed, False if its failure was written down."""
        consumer = turn.consumer
        attempt = Attempts(self._database.context, consumer.name).at(delivery)
        if delivery.envelope.attempt > consumer.retry.attempts:
            lost = RuntimeError("no attempt lived to write down its outcome: killed, or cut off from the database")
            await self._write_down(turn, delivery, attempt, lost, final=True)
            return False
        with attempt.running():
            try:
                message = consumer.decode(delivery.payload, delivery.envelope.version)
            except NewerVersionError as newer:
                await self._postpone(turn, delivery, newer)
                return False
            except Exception as error:
                await self._write_down(turn, delivery, attempt, error, final=True)
                return False
            try:
                async with asyncio.timeout(DEADLINE.total_seconds()) as deadline:
                    answer = await called(self._database.context, consumer, message)
                    async with self._database.transaction() as connection:
                        work = self._work_for(connection)
                        await consumer.apply(message, answer, delivery.envelope, work)
                        await work.flush()
                        await turn.complete(connection, [delivery.id])
                        following = await turn.following(connection) if then_claim else None
            except (FencedError, ContextIsMoving):
                raise  # Nobody's failure: the attempt is given back when the context has moved.
            except TimeoutError as error:
                told = broken_off(error, DEADLINE) if deadline.expired() else error
                await self._write_down(turn, delivery, attempt, told)
                return False
            except Exception as error:
                await self._write_down(turn, delivery, attempt, error)
                return False
        turn.batch = following
        await self._took_effect(consumer, 1, work)
        return True

    async def _took_effect(self, consumer: Consumer, count: int, work: LedgerWork) -> None:
        await work.committed()
        EFFECTS.labels(self._database.context, consumer.name).inc(count)
        if work.recorded:
            self._committed()

    async def _write_down(
        self,
        turn: Turn,
        delivery: Delivery,
        attempt: Attempt,
        error: Exception,
        *,
        final: bool = False,
    ) -> None:
        attempt.over()
        number = delivery.envelope.attempt
        retry = turn.consumer.retry
        dead = final or number >= retry.attempts
        retry_in = None if dead else retry.wait_after(number)
        async with self._database.transaction() as connection:
            await deliveries.fail(
                connection,
                turn.claim,
                delivery.id,
                error=failure(error, number, self._clock.now()),
                retry_in=retry_in,
                reason=reason_of(error) if dead else None,
            )
        attempt.failed(error, retry_in=retry_in)

    async def _postpone(self, turn: Turn, delivery: Delivery, newer: NewerVersionError) -> None:
        async with self._database.transaction() as connection:
            dead = await deliveries.postpone(connection, turn.claim, delivery.id, reason=str(newer))
        log = _log.error if dead else _log.warning
        log(
            "delivery_too_new",
            subscription=turn.consumer.name,
            event_id=str(delivery.id),
            reason=str(newer),
            dead=dead,
        )

    async def _put_back(self, turn: Turn, ids: Sequence[UUID]) -> None:
        """What follows a failure of its key waits behind it, and this attempt does not count."""
        if not ids:
            return
        async with self._database.transaction() as connection:
            await partitions.keep(connection, turn.claim)
            await deliveries.put_back(connection, turn.claim, ids)
