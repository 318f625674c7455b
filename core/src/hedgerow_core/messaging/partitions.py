"""Who may drain which slice of a subscription until when.

What is leased is a partition of a subscription, never a single delivery: whoever holds the partition's current
token may move its deliveries, and nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging.tables import PARTITIONS

LEASE = timedelta(seconds=4)
"""How long a partition stays with a silent holder. Orphans wait so long, and for a hint."""

_REGISTER = text(
    """
    INSERT INTO delivery_partitions (subscription, partition)
    SELECT name, number FROM unnest(CAST(:names AS text[])) name, generate_series(0, :last) number
    ON CONFLICT DO NOTHING
    """
)

_TAKE = text(
    """
    WITH free AS (
        SELECT subscription, partition, expires_at FROM delivery_partitions
        WHERE subscription = :subscription AND partition = :partition AND expires_at < clock_timestamp()
        FOR UPDATE SKIP LOCKED
    )
    UPDATE delivery_partitions held
    SET token = token + 1, owner = :owner, expires_at = clock_timestamp() + :lease
    FROM free WHERE (held.subscription, held.partition) = (free.subscription, free.partition)
    RETURNING held.token, free.expires_at > '-infinity' AS orphaned
    """
)

_KEEP = text(
    """
    UPDATE delivery_partitions SET expires_at = clock_timestamp() + :lease
    WHERE subscription = :subscription AND partition = :partition AND token = :token
      AND expires_at > '-infinity'
    RETURNING token
    """
)

_RELEASE = text(
    """
    UPDATE delivery_partitions SET expires_at = '-infinity'
    WHERE subscription = :subscription AND partition = :partition AND token = :token
    """
)


class FencedError(Exception):
    """Somebody else holds the partition by now: what was done under the old token must not be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to move the deliveries of one partition, as long as its token is the current one."""

    subscription: str
    partition: int
    token: int
    owner: str
    orphaned: bool = False
    """Whether the last holder never gave it back: it was killed, or cut off from the database."""


async def register(connection: AsyncConnection, names: Sequence[str]) -> None:
    """Make sure that every subscription has its partitions."""
    await connection.execute(_REGISTER, {"names": list(names), "last": PARTITIONS - 1})


async def take(connection: AsyncConnection, subscription: str, partition: int, *, owner: str) -> Claim | None:
    """Take a partition that nobody holds; None if somebody does."""
    where = {"subscription": subscription, "partition": partition, "owner": owner, "lease": LEASE}
    taken = (await connection.execute(_TAKE, where)).one_or_none()
    if taken is None:
        return None
    return Claim(
        subscription=subscription, partition=partition, token=taken.token, owner=owner, orphaned=taken.orphaned
    )


async def keep(connection: AsyncConnection, claim: Claim) -> None:
    """Extend the lease.

    Raises:
        FencedError: the partition was given back, or has gone to somebody else.
    """
    where = {"subscription": claim.subscription, "partition": claim.partition, "token": claim.token}
    if (await connection.execute(_KEEP, {**where, "lease": LEASE})).scalar_one_or_none() is None:
        raise FencedError


async def release(connection: AsyncConnection, claim: Claim) -> None:
    """Give the partition back at once instead of letting the lease run out."""
    where = {"subscription": claim.subscription, "partition": claim.partition, "token": claim.token}
    await connection.execute(_RELEASE, where)
