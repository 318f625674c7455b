"""What the dispatcher asks the ledger: where something can be done now, and what nobody here can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Boolean, Integer, Text, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.deliveries import NEWER_BUILD_GRACE
from hedgerow_core.persistence import Database

# Skips from one (subscription, partition) to the next, so its cost is the number of partitions with work, not
# the number of deliveries. Indexes: deliveries_in_order, deliveries_waiting. The last question has a LIMIT and no
# EXISTS: for that one PostgreSQL read all deliveries of each partition first (20,000 pending: 75 ms; now 1).
_DUE = text(
    """
    WITH RECURSIVE active AS (
        (SELECT subscription, partition FROM deliveries
         WHERE state IN ('pending', 'processing', 'retry_wait')
         ORDER BY subscription, partition LIMIT 1)
        UNION ALL
        SELECT next.subscription, next.partition FROM active, LATERAL (
            SELECT subscription, partition FROM deliveries d
            WHERE state IN ('pending', 'processing', 'retry_wait')
              AND (d.subscription, d.partition) > (active.subscription, active.partition)
            ORDER BY subscription, partition LIMIT 1) next
    ), waiting AS MATERIALIZED (
        SELECT subscription, ordering_key, min(position) AS position FROM deliveries
        WHERE subscription = ANY(:ordered) AND state = 'retry_wait' AND next_at > statement_timestamp()
        GROUP BY subscription, ordering_key
    )
    SELECT active.subscription, active.partition, lease.token
    FROM active JOIN delivery_partitions lease USING (subscription, partition)
    WHERE active.subscription = ANY(:names) AND lease.expires_at < statement_timestamp()
      AND NOT EXISTS (SELECT FROM paused_subscriptions paused WHERE paused.subscription = active.subscription)
      AND (
        SELECT true FROM deliveries d LEFT JOIN waiting
            ON waiting.subscription = d.subscription AND waiting.ordering_key = d.ordering_key
            AND waiting.position < d.position
        WHERE d.subscription = active.subscription AND d.partition = active.partition
          AND waiting.ordering_key IS NULL
          AND d.state IN ('pending', 'processing', 'retry_wait') AND d.next_at <= statement_timestamp()
        LIMIT 1)
    """
).bindparams(bindparam("names", type_=ARRAY(Text)), bindparam("ordered", type_=ARRAY(Text)))
_DUE_ROWS = _DUE.columns(column("subscription", Text), column("partition", Integer), column("token", BigInteger))

# A LIMIT and no EXISTS, as above. Index: deliveries_in_order.
_HAS_WORK = text(
    """
    SELECT true AS it_has FROM delivery_partitions lease
    WHERE subscription = :subscription AND partition = :partition AND expires_at < statement_timestamp()
      AND (SELECT true FROM deliveries d
           WHERE d.subscription = lease.subscription AND d.partition = lease.partition
             AND d.state IN ('pending', 'processing', 'retry_wait') AND d.next_at <= statement_timestamp()
           LIMIT 1)
    """
).columns(column("it_has", Boolean))

_BURY_UNHANDLED = text(
    """
    UPDATE deliveries SET state = 'dead', reason = 'no handler of this name is installed'
    WHERE state IN ('pending', 'processing', 'retry_wait') AND subscription <> ALL(:names)
      AND next_at < statement_timestamp() - CAST(:grace AS interval)
    RETURNING subscription
    """
).bindparams(bindparam("names", type_=ARRAY(Text)))


@dataclass(frozen=True, slots=True)
class DuePartition:
    """A partition with work that nobody holds. `token` tells whether anybody has held it since we last looked."""

    subscription: str
    partition: int
    token: int


async def due_partitions(
    connection: AsyncConnection, names: Sequence[str], *, ordered: Sequence[str]
) -> list[DuePartition]:
    """Every partition of the named subscriptions that has work which can be claimed now, and no holder."""
    where = {"names": list(names), "ordered": list(ordered)}
    return [DuePartition(*row) for row in await connection.execute(_DUE, where)]


async def due_now(database: Database, names: Sequence[str], *, ordered: Sequence[str]) -> list[DuePartition]:
    """The same by the short way: the dispatcher asks again and again.

    Raises:
        UnavailableError: the database is away.
    """
    where = {"names": list(names), "ordered": list(ordered)}
    rows = await database.rows(_DUE_ROWS, where)
    return [DuePartition(row.subscription, row.partition, row.token) for row in rows]


async def has_work(database: Database, subscription: str, partition: int) -> bool:
    """Whether nobody holds the partition, and something of it is due: hints come late, and from several workers.

    Raises:
        UnavailableError: the database is away.
    """
    return bool(await database.rows(_HAS_WORK, {"subscription": subscription, "partition": partition}))


async def bury_unhandled(connection: AsyncConnection, names: Sequence[str]) -> list[str]:
    """Declare dead what has been due for `NEWER_BUILD_GRACE` and nobody here can handle.

    Returns the subscriptions concerned, one entry a delivery.
    """
    where = {"names": list(names), "grace": NEWER_BUILD_GRACE}
    return list((await connection.execute(_BURY_UNHANDLED, where)).scalars())
