"""b. Rows a second through `Relay.step` over a filled outbox, against plain copies of the same rows.

The yardstick copies the outbox into a table like `deliveries`, page by page, one INSERT … SELECT and one commit
each: what PostgreSQL does at best. The difference is the price of cursor, lease and lost-nothing.
"""

from __future__ import annotations

import time

from benchmarks.contexts import press
from benchmarks.effects import fill
from benchmarks.ground import Ground
from benchmarks.measure import Result, alternating
from hedgerow_core.messaging import Relay
from hedgerow_core.messaging.relay import PAGE
from hedgerow_core.persistence import Database

FLOOR = 20_000.0

_COLUMNS = """
    event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload, occurred_at,
    correlation_id, actor
"""
_COPY = f"""
    WITH page AS (SELECT * FROM orchard.outbox WHERE id > $1 ORDER BY id LIMIT {PAGE}), copied AS (
        INSERT INTO public.copies (subscription, publisher, position, ordering_key, partition, {_COLUMNS})
        SELECT '{press.SUBSCRIPTION}', 'orchard', id, aggregate_id::text, id % 64, {_COLUMNS} FROM page)
    SELECT count(*), max(id) FROM page
"""


async def relay_rate(ground: Ground, *, events: int, rounds: int) -> list[Result]:
    """Carry `events` events, `rounds` times."""
    await ground.run("CREATE TABLE IF NOT EXISTS public.copies (LIKE press.deliveries INCLUDING ALL)")
    await ground.run("TRUNCATE orchard.outbox")
    async with ground.admin() as connection:
        await fill(connection, events)

    async def ours() -> float:
        return await relayed(ground, events)

    async def plain() -> float:
        return await _copied(ground, events)

    measured = await alternating({"ours": ours, "plain": plain}, rounds)
    # The next benchmark's worker would begin with what a last round left in the feed.
    await ground.run("TRUNCATE orchard.outbox, press.deliveries")
    return [
        Result(
            name="b. relay",
            subject=measured["ours"],
            yardstick=measured["plain"],
            unit="rows/s",
            figure=measured["ours"].median,
            at_least=FLOOR,
        )
    ]


async def relayed(ground: Ground, events: int) -> float:
    """Events a second through `Relay.step`."""
    await ground.run("TRUNCATE press.deliveries", "DELETE FROM press.feed_cursors")
    database = Database(ground.address, press.NAME)
    relay = Relay(database, "orchard", press.subscriptions().subscribes, holder="benchmark")
    await relay.open()
    started = time.perf_counter()
    while await relay.step():
        pass
    took = time.perf_counter() - started
    await relay.close()  # or the next benchmark's worker would wait for the end of our lease
    await database.close()
    await expect(ground, "press.deliveries", events)
    return events / took


async def _copied(ground: Ground, events: int) -> float:
    await ground.run("TRUNCATE public.copies")
    async with ground.admin() as connection:
        started = time.perf_counter()
        copied, last = PAGE, 0
        while copied == PAGE:
            copied, last = await connection.fetchrow(_COPY, last)
        took = time.perf_counter() - started
    await expect(ground, "public.copies", events)
    return events / took


async def expect(ground: Ground, table: str, events: int) -> None:
    """Hold what was carried against what there was.

    Raises:
        RuntimeError: something is missing, or there twice.
    """
    (rows,) = await ground.row(f"SELECT count(DISTINCT event_id) FROM {table}")
    if rows != events:
        raise RuntimeError(f"{events} events became {rows} rows of {table}")
