"""`python -m benchmarks.growth`: what the ledger's everyday statements cost as tables grow, and their plans.

For each size, so many events lie in the outbox and so many deliveries are pending; then relay, dispatcher and claim
do what they do all the time. Their statements are caught as they go out, and run once more under EXPLAIN (ANALYZE,
BUFFERS). Exits 1 if one of them goes through a table, or takes many times as long with the largest as with the
smallest. `--plans FILE` keeps the plans; `--without-indexes` shows that the verdict can be red.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.contexts import press
from benchmarks.effects import fill
from benchmarks.ground import Ground, prepared
from benchmarks.measure import Result, Series, table
from hedgerow_core.messaging import Relay, partitions
from hedgerow_core.messaging.deliveries import claim_batch
from hedgerow_core.messaging.due import due_now, has_work
from hedgerow_core.messaging.partitions import Claim
from hedgerow_core.persistence import Database

SIZES = (10_000, 100_000)
TIMES = 3.0
"""A claim with the largest size takes at most so many times as long: an index grows by levels, a table by rows."""
REPEATED = 7
_SCAN = re.compile(r"Seq Scan on (outbox\w*|deliveries)\b")
_READ = re.compile(r"(?:actual time=\S+ rows=|Rows Removed by Filter: )([\d.]+)")
FEW_ROWS = 1_000
"""A range of the outbox that is empty, or hardly begun, is read as a whole: no index is shorter."""
_WITHOUT_INDEXES = (
    *(f"ALTER SYSTEM SET enable_{kind} = off" for kind in ("indexscan", "indexonlyscan", "bitmapscan")),
    "SELECT pg_reload_conf()",
)
_TOOK = re.compile(r"Execution Time: ([\d.]+) ms")


@dataclass(slots=True)
class Caught:
    """The statements that went out, in the words of the driver."""

    statements: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def note(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        """SQLAlchemy is about to send one."""
        if "outbox" in statement or "deliveries" in statement:
            self.statements.append((statement, tuple(parameters)))


@asynccontextmanager
async def catching(database: Database) -> AsyncIterator[Caught]:
    """Catch what goes out meanwhile."""
    caught = Caught()
    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", caught.note)
    try:
        yield caught
    finally:
        event.remove(engine, "before_cursor_execute", caught.note)


async def plans_with(ground: Ground, size: int, *, without_indexes: bool = False) -> dict[str, tuple[float, str]]:
    """How long each everyday statement takes with so many rows, and its plan."""
    await ground.run("TRUNCATE orchard.outbox, press.deliveries", "DELETE FROM press.feed_cursors")
    async with ground.admin() as connection:
        await fill(connection, size)
    database = Database(ground.address, press.NAME)
    async with database.transaction() as preparing:
        await partitions.register(preparing, [press.SUBSCRIPTION])
    relay = Relay(database, "orchard", press.subscriptions().subscribes, holder="benchmark")
    await relay.open()
    while await relay.step():
        pass
    await ground.run("ANALYZE orchard.outbox", "ANALYZE press.deliveries")
    if without_indexes:
        await ground.run(*_WITHOUT_INDEXES)
    found: dict[str, tuple[float, str]] = {}
    async with ground.admin() as connection:
        await fill(connection, 100)
    async with catching(database) as caught:
        await relay.step()  # the peek
        due = await due_now(database, [press.SUBSCRIPTION], ordered=[press.SUBSCRIPTION])
        await has_work(database, press.SUBSCRIPTION, due[0].partition)
    found |= await _explained(database, "relay", caught, "outbox")
    found |= await _explained(database, "due", caught, "RECURSIVE")
    found |= await _explained(database, "has work", caught, "it_has")
    async with catching(database) as caught, database.transaction() as working:
        claim = Claim(subscription=press.SUBSCRIPTION, partition=due[0].partition, token=0, owner="benchmark")
        await claim_batch(working, claim, ordered=True)
        await working.rollback()
    found |= await _explained(database, "claim", caught, "SET state = 'processing'")
    found |= await _explained(database, "park", caught, "SET state = 'parked'")
    await relay.close()
    await database.close()
    return found


async def _explained(database: Database, name: str, caught: Caught, having: str) -> dict[str, tuple[float, str]]:
    wanted = [each for each in caught.statements if having in each[0]]
    if not wanted:
        raise RuntimeError(
            f"{name}: no statement with {having!r} went out: {[s[:60] for s, _ in caught.statements]}"
        )
    return {
        name if len(wanted) == 1 else f"{name} {nth}": await _plan(database, *statement)
        for nth, statement in enumerate(dict.fromkeys(_hashable(each) for each in wanted), 1)
    }


def _hashable(statement: tuple[str, tuple[Any, ...]]) -> tuple[str, tuple[Any, ...]]:
    return statement[0], tuple(tuple(each) if isinstance(each, list) else each for each in statement[1])


async def _plan(database: Database, statement: str, parameters: tuple[Any, ...]) -> tuple[float, str]:
    given = tuple(list(each) if isinstance(each, tuple) else each for each in parameters)
    took, plan = [], ""
    for _ in range(REPEATED):
        async with database.engine.connect() as connection:
            plan = await _explain(connection, statement, given)
            await connection.rollback()
        took.append(float(_TOOK.findall(plan)[0]))
    return median(took), plan


async def _explain(connection: AsyncConnection, statement: str, given: tuple[Any, ...]) -> str:
    answer = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", given)
    return "\n".join(row[0] for row in answer)


def lines_of(measured: dict[int, dict[str, tuple[float, str]]]) -> list[Result]:
    """Two lines for each statement: tables that it goes through, and how much longer the largest size takes."""
    few, many = min(measured), max(measured)
    lines = []
    for name, (took, plan) in measured[many].items():
        before = measured[few].get(name, (took, ""))[0]
        through = float(tables_gone_through(plan))
        lines.append(
            Result(
                name=f"{name}: tables gone through, of {many:,} rows",
                subject=Series((through,)),
                unit="",
                figure=through,
                at_most=0.0,
            )
        )
        lines.append(
            Result(
                name=f"{name}: {many:,} rows beside {few:,}",
                subject=Series((took,)),
                yardstick=Series((before,)),
                unit="ms",
                figure=took / max(before, 0.05),
                at_most=TIMES if name.startswith(("claim", "relay")) else None,
            )
        )
    return lines


def tables_gone_through(plan: str) -> int:
    """How many tables, or ranges, the plan has read row by row."""
    through, lines = 0, plan.splitlines()
    for place, line in enumerate(lines):
        if _SCAN.search(line) is None:
            continue
        below = "\n".join(itertools.takewhile(lambda each: "->" not in each, lines[place + 1 :]))
        read = sum(float(each) for each in _READ.findall(f"{line}\n{below}"))
        through += read > FEW_ROWS
    return through


async def measured_with(
    ground: Ground, sizes: tuple[int, ...], *, without_indexes: bool = False
) -> dict[int, dict[str, tuple[float, str]]]:
    """Everything, for each size."""
    return {size: await plans_with(ground, size, without_indexes=without_indexes) for size in sizes}


def main() -> int:
    """Measure, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows; 10000 1000000 10000000 is meant")
    parser.add_argument("--plans", type=Path, help="file for the plans with the largest size")
    parser.add_argument("--json", action="store_true", help="the results as JSON instead of a table")
    parser.add_argument(
        "--without-indexes", action="store_true", help="let PostgreSQL use none, to see that the verdict goes red"
    )
    chosen = parser.parse_args()
    with prepared() as ground:
        measured = asyncio.run(measured_with(ground, tuple(chosen.sizes), without_indexes=chosen.without_indexes))
    lines = lines_of(measured)
    if chosen.plans:
        largest = measured[max(measured)]
        chosen.plans.write_text("\n\n".join(f"-- {name}\n{plan}" for name, (_took, plan) in largest.items()) + "\n")
    print(
        json.dumps([{"name": each.name, "figure": each.figure} for each in lines]) if chosen.json else table(lines)
    )
    return 0 if all(each.kept for each in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
