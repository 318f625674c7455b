"""What a move costs those who write meanwhile: `python -m benchmarks.moving`. There is no floor: it is to be read.

The same business transaction (one row changed under its version check, one event), one after the other, with and
without the triggers of a move, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from functools import partial
from statistics import median
from uuid import UUID, uuid4

from benchmarks.contexts import orchard
from benchmarks.contexts.orchard import ApplePicked, Tree
from benchmarks.ground import TREES, Ground, prepared
from benchmarks.measure import Result, Series, alternating, table
from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_host.extraction.move import capture, fence
from hedgerow_host.extraction.move.sides import Side, connected
from hedgerow_host.extraction.move.state import begin, forget_move
from hedgerow_host.extraction.move.tables import tables_of, version_tables_of

WARM_UP, TRANSACTIONS, ROUNDS = 50, 500, 7


def main() -> int:
    """Measure, print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.moving", description=__doc__)
    options.add_argument(
        "--transactions", type=int, default=TRANSACTIONS, help="in a round; fewer give a rough figure"
    )
    options.add_argument("--rounds", type=int, default=ROUNDS)
    asked = options.parse_args()
    with prepared() as ground:
        results = asyncio.run(_measured(ground, asked.transactions, asked.rounds))
    print(table(results))
    return 0


async def _measured(ground: Ground, transactions: int, rounds: int) -> list[Result]:
    database = Database(ground.address, orchard.NAME)
    trees = [row["id"] for row in await _trees(ground)]
    versions = dict.fromkeys(trees, 0)
    try:
        async with connected(ground.address) as side:
            await _work(database, trees, versions, WARM_UP)

            async def still() -> float:
                return await _work(database, trees, versions, transactions)

            async def moving() -> float:
                await _noting(side)
                try:
                    return await _work(database, trees, versions, transactions)
                finally:
                    await capture.remove(side, orchard.NAME)
                    await forget_move(side, orchard.NAME)

            found = await alternating({"moving": moving, "still": still}, rounds)
    finally:
        await database.close()
    more = Series(
        tuple(one - other for one, other in zip(found["moving"].values, found["still"].values, strict=True))
    )
    name = "a transaction while its context moves (p50)"
    return [Result(name=name, subject=found["moving"], yardstick=found["still"], unit="ms", figure=more.median)]


async def _noting(side: Side) -> None:
    await begin(side, orchard.NAME, uuid4(), "nowhere", {})
    await fence.build(side, orchard.NAME, closed=False)
    tables = await tables_of(side.connection, orchard.NAME)
    await capture.install(side, orchard.NAME, tables, await version_tables_of(side.connection, orchard.NAME))


async def _trees(ground: Ground) -> list[dict[str, UUID]]:
    async with ground.admin() as connection:
        return [dict(row) for row in await connection.fetch("SELECT id FROM orchard.trees LIMIT $1", TREES)]


async def _work(database: Database, trees: list[UUID], versions: dict[UUID, int], count: int) -> float:
    """The median of so many transactions, in milliseconds."""
    took = []
    for nth in range(count):
        id = trees[nth % len(trees)]
        started = time.perf_counter()
        async with unit_of_work(database, partial(orchard.work_with, SystemClock()), lambda: None) as work:
            versions[id] += 1
            await work.grow(id, versions[id], 150)
            tree = Tree(id, version=versions[id] - 1)
            tree.record(ApplePicked(number=nth, tree=id, variety="Boskoop", grams=150))
            work.saved(tree, version=versions[id])
        took.append((time.perf_counter() - started) * 1000)
    return median(took)


if __name__ == "__main__":
    sys.exit(main())
