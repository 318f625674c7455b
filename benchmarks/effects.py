"""Events to carry and effects to count: what the benchmarks that run workers have in common."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from benchmarks.ground import TREES, Ground

POLL_S = 0.1
PATIENCE_S = 180.0

# To be run in one transaction, so that everything becomes visible at once. A tree's events are numbered in order.
_FILL = f"""
    INSERT INTO orchard.outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at, correlation_id, actor)
    SELECT uuidv7(), 'orchard.apple_picked', 1, 'tree', tree, number,
        jsonb_build_object('number', number, 'tree', tree, 'variety', 'Boskoop', 'grams', 150 + number % 100),
        clock_timestamp(), md5(number::text), 'user:' || tree
    FROM generate_series($1::int, $2::int) number,
        LATERAL (SELECT md5((1 + number % {TREES})::text)::uuid) AS t(tree)
"""

_COUNTS = "SELECT count(*), count(DISTINCT event_id) FROM {schema}.effects"


FILLED_AT_ONCE = 500
"""Events a statement: no more ids than the outbox has headroom for, while a range is cut."""


async def fill(connection: asyncpg.Connection, events: int) -> None:
    """Publish so many events, in one transaction."""
    async with connection.transaction():
        for first in range(1, events + 1, FILLED_AT_ONCE):
            await connection.execute(_FILL, first, min(first + FILLED_AT_ONCE - 1, events))


async def clear(ground: Ground) -> None:
    """Forget the last round, so that every round begins with the same small tables."""
    await ground.run("TRUNCATE press.effects, press.deliveries, bare.effects, bare.inbox")


async def until_all(ground: Ground, schema: str, events: int) -> None:
    """Wait until every event has had its effect.

    Raises:
        RuntimeError: some have none in time, or one has two: then there is nothing to speak of.
    """
    deadline = time.monotonic() + PATIENCE_S
    async with ground.admin() as connection:
        while True:
            effects, distinct = await connection.fetchrow(_COUNTS.format(schema=schema))
            if effects >= events or time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_S)
    if effects != events or distinct != events:
        raise RuntimeError(f"{events} events had {effects} effects, {distinct} of them distinct, in {schema}")
