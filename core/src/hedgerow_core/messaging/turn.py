"""One worker's turn at a partition: the lease that it keeps, and the batches that it claims under it.

A batch is claimed in the transaction that completes the one before, and the lease is given back in the one that
finds nothing more: a commit is what costs, so a turn over a single delivery makes do with two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import ConflictError, UnavailableError
from hedgerow_core.messaging import deliveries, partitions
from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.messaging.deliveries import Delivery
from hedgerow_core.messaging.due import has_work
from hedgerow_core.messaging.partitions import LEASE, Claim, FencedError
from hedgerow_core.persistence import Database

MAX_BATCHES = 50
"""A turn ends after this many batches, so that no backlog starves the others."""


class OrphanedError(Exception):
    """Whether the partition's last holder died is not what the caller took for granted."""


class Turn:
    """The right to work off one partition, and what is claimed of it right now."""

    def __init__(self, database: Database, consumer: Consumer, claim: Claim, stopping: Callable[[], bool]) -> None:
        self.consumer = consumer
        self.claim = claim
        self.batch: Sequence[Delivery] | None = None
        """What is to be run next: empty when the turn is over, None when nobody has claimed yet."""
        self._database = database
        self._batches_left = MAX_BATCHES
        self._stopping = stopping

    @classmethod
    async def take(
        cls,
        database: Database,
        consumer: Consumer,
        partition: int,
        *,
        owner: str,
        recovering: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Turn | None:
        """Take the partition and claim the first batch; None if somebody else holds it, or nothing is due.

        Once `stopping` says so, the turn ends with the batch that it has.

        Raises:
            OrphanedError: its last holder died, and it is not taken for recovery; or the other way round.
        """
        if not await has_work(database, consumer.name, partition):
            return None
        async with database.transaction() as connection:
            claim = await partitions.take(connection, consumer.name, partition, owner=owner)
            if claim is None:
                return None
            if claim.orphaned is not recovering:
                raise OrphanedError
            turn = cls(database, consumer, claim, stopping)
            batch = await turn.following(connection)
        turn.batch = batch
        return turn

    async def complete(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        """Mark deliveries as done, in the transaction of their effects.

        Raises:
            FencedError: the turn is over; the transaction must be rolled back.
        """
        # The partition's row first, as operators do who change deliveries: so the two never wait in a ring.
        await partitions.keep(connection, self.claim)
        await deliveries.complete(connection, self.claim, ids)

    async def following(self, connection: AsyncConnection) -> Sequence[Delivery]:
        """Claim the next batch, or give the lease back if there is none. Counts once the transaction commits."""
        batch: Sequence[Delivery] = ()
        left = self._batches_left and not self._stopping()
        if left or self.claim.orphaned:  # Recovery ends when there is nothing to recover.
            self._batches_left -= 1
            # A task that calls out is claimed alone: its call must not hold up its neighbours, nor be repeated.
            limit = 1 if self.consumer.calls_out else deliveries.BATCH
            batch = await deliveries.claim_batch(connection, self.claim, ordered=self.consumer.ordered, limit=limit)
        if not batch:
            await partitions.release(connection, self.claim)
        return batch

    async def go_on(self) -> None:
        """Claim the next batch, if what ran last did not."""
        if self.batch is not None:
            return
        async with self._database.transaction() as connection:
            await partitions.keep(connection, self.claim)
            batch = await self.following(connection)
        self.batch = batch

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Hold the lease while the body runs; give it back afterwards, unless that is done."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        except FencedError:
            # The partition may still be ours, if a delivery was taken away. Who is fenced says so in any case.
            with suppress(UnavailableError, ConflictError):
                await self._give_back()
            self.batch = ()
            raise
        finally:
            keeper.cancel()
            await self._give_back()

    async def _give_back(self) -> None:
        if self.batch is None or self.batch:
            async with self._database.transaction() as connection:
                await partitions.release(connection, self.claim)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            try:
                async with self._database.transaction() as connection:
                    await partitions.keep(connection, self.claim)
            except (UnavailableError, ConflictError):
                continue  # The lease may run out; the token then fences us when we complete.
            except FencedError:
                return
