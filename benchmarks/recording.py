"""d. What recording an event costs a business transaction, against the same transaction with a plain extra INSERT.

Both sides change one row under its version check and insert one more, in the same `unit_of_work` on the same pool:
ours by `saved()`, the yardstick by an INSERT of a finished row into a table with the outbox's columns.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from uuid import UUID

from sqlalchemy import MetaData, insert

from benchmarks.contexts import orchard
from benchmarks.contexts.orchard import ApplePicked, Tree
from benchmarks.ground import TREES, Ground
from benchmarks.measure import Result, Series
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.messaging.tables import outbox
from hedgerow_core.persistence import Database

CEILING_PERCENT = 15.0
WARM_UP = 50
GRAMS = 150

_notes = outbox.to_metadata(MetaData(), name="notes")
_NOTE = insert(_notes)
# As the outbox: append-only, a primary key and one more index; neither partitions nor transaction ids.
_TABLE = (
    "DROP TABLE IF EXISTS orchard.notes",
    "CREATE TABLE orchard.notes (LIKE orchard.outbox)",
    "ALTER TABLE orchard.notes DROP COLUMN xid, ADD PRIMARY KEY (id)",
    "ALTER TABLE orchard.notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
    "CREATE INDEX ON orchard.notes (occurred_at, id)",
    "GRANT ALL ON orchard.notes TO hedgerow_orchard",
)

Transaction = Callable[[Tree, int], Awaitable[None]]


async def recording(ground: Ground, *, transactions: int, rounds: int) -> list[Result]:
    """Run `transactions` of each side a round, one after the other, in turns."""
    await ground.run(*_TABLE)
    async with _transactions(ground) as (recorded, noted):
        tree = Tree(await _any_tree(ground))
        await _in_turns(tree, recorded, noted, WARM_UP)
        measured = [await _in_turns(tree, recorded, noted, transactions) for _ in range(rounds)]
    await _expect(ground, WARM_UP + transactions * rounds)
    ours, plain = zip(*measured, strict=True)
    return [
        Result(
            name="d. recording an event, extra cost in %",
            subject=Series(ours),
            yardstick=Series(plain),
            unit="ms",
            figure=100 * (median(one / other for one, other in measured) - 1),
            at_most=CEILING_PERCENT,
        )
    ]


@asynccontextmanager
async def _transactions(ground: Ground) -> AsyncIterator[tuple[Transaction, Transaction]]:
    clock = SystemClock()
    database = Database(ground.address, orchard.NAME)
    open_work = partial(unit_of_work, database, partial(orchard.work_with, clock), lambda: None)

    async def recorded(tree: Tree, number: int) -> None:
        version = tree.version + 1
        tree.record(ApplePicked(number=number, tree=tree.id, variety="Boskoop", grams=GRAMS))
        async with open_work() as work:
            await work.grow(tree.id, version, GRAMS)
            work.saved(tree, version=version)

    async def noted(tree: Tree, number: int) -> None:
        version = tree.version + 1
        row = {
            "event_id": new_id(),
            "type": "orchard.apple_picked",
            "version": 1,
            "aggregate_type": "tree",
            "aggregate_id": tree.id,
            "aggregate_version": version,
            "payload": {"number": number, "tree": str(tree.id), "variety": "Boskoop", "grams": GRAMS},
            "occurred_at": clock.now(),
        }
        async with open_work() as work:
            await work.grow(tree.id, version, GRAMS)
            await work.connection.execute(_NOTE, row)
        tree.saved_as(version)

    try:
        yield recorded, noted
    finally:
        await database.close()


async def _in_turns(tree: Tree, recorded: Transaction, noted: Transaction, count: int) -> tuple[float, float]:
    """The median duration of each side in ms."""
    took: dict[Transaction, list[float]] = {recorded: [], noted: []}
    for number in range(count):
        # Whoever comes second finds the row in another state: take turns in that, too.
        for side in (recorded, noted) if number % 2 else (noted, recorded):
            started = time.perf_counter()
            await side(tree, number)
            took[side].append((time.perf_counter() - started) * 1000)
    return median(took[recorded]), median(took[noted])


async def _any_tree(ground: Ground) -> UUID:
    await ground.run("TRUNCATE orchard.outbox", "UPDATE orchard.trees SET version = 0")
    (id,) = await ground.row(f"SELECT md5('{TREES}')::uuid")
    return UUID(str(id))


async def _expect(ground: Ground, count: int) -> None:
    events, notes = await ground.row(
        "SELECT (SELECT count(*) FROM orchard.outbox), (SELECT count(*) FROM orchard.notes)"
    )
    if (events, notes) != (count, count):
        raise RuntimeError(f"{count} transactions a side wrote {events} events and {notes} notes")
