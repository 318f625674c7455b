"""c. From the publisher's commit to the effect's commit, at a steady 100 events a second.

Both moments are PostgreSQL's own commit timestamps, so that no clock of ours and no polling blurs them. The events
are published by this process through `unit_of_work`, each when its time has come, however long the last one takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from uuid import uuid4

from sqlalchemy import text

from benchmarks.bare import broker, note_apple
from benchmarks.contexts import orchard
from benchmarks.contexts.orchard import ApplePicked, Tree
from benchmarks.effects import clear, until_all
from benchmarks.ground import CONTEXTS, Ground
from benchmarks.measure import Result, Series, alternating
from hedgerow_core.domain import SystemClock, new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import load_contexts
from hedgerow_host.settings import Environment
from hedgerow_host.working_in_process import working_in_process

PER_SECOND = 100
P50_MS, P99_MS = 60.0, 250.0
SETTLE_S = 1.0
"""Between a worker's readiness and the first event: what it does once at its start is not latency."""

_PUBLISH_BARE = text(
    """
    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at)
    VALUES (CAST(:event_id AS text)::uuid, 'orchard.apple_bared', 1, 'tree', CAST(:tree AS text)::uuid, 1, '{}',
        clock_timestamp())
    """
)
_PERCENTILES = """
    SELECT count(*), percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM
        pg_xact_commit_timestamp(e.xmin) - pg_xact_commit_timestamp(o.xid::xid)) * 1000)
    FROM orchard.outbox o JOIN {schema}.effects e USING (event_id)
"""

Publish = Callable[[int], Coroutine[None, None, None]]


async def latency(ground: Ground, *, seconds: int, rounds: int) -> list[Result]:
    """Publish for `seconds`, `rounds` times, to a worker process, to one in this process, to the bare actor."""
    p99: dict[str, list[float]] = {"process": [], "in process": [], "bare": []}

    async def side(name: str, run: Callable[[], Awaitable[tuple[float, float]]]) -> float:
        half, most = await run()
        p99[name].append(most)
        return half

    events = seconds * PER_SECOND
    runs = {
        "process": partial(_to_worker_process, ground, events),
        "in process": partial(_to_this_process, ground, events),
        "bare": partial(_to_bare_actor, ground, events),
    }
    p50 = await alternating({name: partial(side, name, run) for name, run in runs.items()}, rounds)
    results = []
    for name in ("process", "in process"):
        for quantile, limit, measured in (
            ("p50", P50_MS, p50),
            ("p99", P99_MS, {name: Series(tuple(values)) for name, values in p99.items()}),
        ):
            results.append(
                Result(
                    name=f"c. latency, worker {name}, {quantile}",
                    subject=measured[name],
                    yardstick=measured["bare"],
                    unit="ms",
                    figure=measured[name].median,
                    at_most=limit,
                )
            )
    return results


async def _to_worker_process(ground: Ground, events: int) -> tuple[float, float]:
    await clear(ground)
    database = Database(ground.address, orchard.NAME)
    with ground.workers(1):
        await asyncio.sleep(SETTLE_S)
        await _steadily(events, _publisher(database, lambda: None))
        await until_all(ground, "press", events)
    await database.close()
    return await _percentiles(ground, "press", events)


async def _to_this_process(ground: Ground, events: int) -> tuple[float, float]:
    await clear(ground)
    assembly: Assembly = assemble(
        load_contexts(CONTEXTS), environment=Environment.PROD, data_dir=ground.folder, address=ground.address
    )
    (publisher,) = (context.database for context in assembly.contexts if context.name == orchard.NAME)
    async with assembly.running(), working_in_process(assembly):
        await asyncio.sleep(SETTLE_S)
        await _steadily(events, _publisher(publisher, assembly.wakeup))
        await until_all(ground, "press", events)
    return await _percentiles(ground, "press", events)


async def _to_bare_actor(ground: Ground, events: int) -> tuple[float, float]:
    """The usual way without a ledger: commit, then enqueue, and hope to live that long."""
    await clear(ground)
    database = Database(ground.address, orchard.NAME)

    async def publish(number: int) -> None:
        event_id, tree = str(uuid4()), str(uuid4())
        async with database.transaction() as connection:
            await connection.execute(_PUBLISH_BARE, {"event_id": event_id, "tree": tree})
        await asyncio.to_thread(broker.enqueue, note_apple.message(event_id, tree, number, "Boskoop", 150))

    with ground.bare_workers(1, 8):
        await asyncio.sleep(SETTLE_S)
        await _steadily(events, publish)
        await until_all(ground, "bare", events)
    await database.close()
    return await _percentiles(ground, "bare", events)


def _publisher(database: Database, committed: Callable[[], None]) -> Publish:
    work_with = partial(orchard.work_with, SystemClock())

    async def publish(number: int) -> None:
        tree = Tree(new_id())
        tree.record(ApplePicked(number=number, tree=tree.id, variety="Boskoop", grams=150))
        async with unit_of_work(database, work_with, committed) as work:
            work.saved(tree, version=1)

    return publish


async def _steadily(events: int, publish: Publish) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.TaskGroup() as publishing:
        for number in range(events):
            await asyncio.sleep(started + number / PER_SECOND - loop.time())
            publishing.create_task(publish(number))


async def _percentiles(ground: Ground, schema: str, events: int) -> tuple[float, float]:
    measured, (p50, p99) = await ground.row(_PERCENTILES.format(schema=schema))
    if measured != events:
        raise RuntimeError(f"{events} events were published, but {measured} have both commit times in {schema}")
    return float(p50), float(p99)
