"""a. Effects a second: outbox → relay → delivery → handler → commit, against the bare actor on the same servers.

Both sides have the same number of processes and a backlog that is there at once. Two things favour the yardstick:
its clock starts with its first effect, ours with the publisher's commit, so that it pays for no relay and no
warming up; and its messages lie in Redis already, while its publisher's commit and enqueueing are not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from uuid import UUID, uuid4

from benchmarks.bare import broker, note_apple
from benchmarks.contexts.press import AT_ONCE, SUBSCRIPTION
from benchmarks.effects import clear, fill, until_all
from benchmarks.ground import TREES, Ground
from benchmarks.measure import Result, alternating, ratio_of

FLOOR = 3.0
THREADS = (8, 32)
"""Of the bare actor; the better of the two is the yardstick."""

_BARE_RATE = "SELECT count(*) / extract(epoch FROM max(at) - min(at))::float8 FROM bare.effects"
_OUR_RATE = """
    SELECT (SELECT count(*) FROM press.effects) / extract(epoch FROM max(completed_at) - $1)::float8
    FROM press.deliveries
"""
_INVERSIONS = """
    SELECT count(*) FROM (
        SELECT number < lag(number) OVER (PARTITION BY tree ORDER BY id) AS inverted FROM press.effects) steps
    WHERE inverted
"""


async def throughput(
    ground: Ground, *, processes: int, events: int, rounds: int, at_once: bool = False
) -> list[Result]:
    """Compare `processes` workers with as many bare ones, `rounds` times, over `events` events each.

    `at_once`: our handler sends a statement of its own for each effect, as the bare actor does; else it leaves what
    nobody reads before the commit for the end.
    """

    # The bare actor is so much slower that a shorter backlog takes as long.
    sides = {
        f"bare {threads}": partial(_through_the_bare_actor, ground, processes, threads, events // 3)
        for threads in THREADS
    }
    ours = partial(_through_the_ledger, ground, processes, events, {AT_ONCE: "1"} if at_once else {})
    measured = await alternating({"ours": ours, **sides}, rounds)
    subject = measured.pop("ours")
    yardstick = max(measured.values(), key=lambda series: series.median)
    return [
        Result(
            name=f"a. throughput, {processes} against {processes} processes{', row by row' if at_once else ''}",
            subject=subject,
            yardstick=yardstick,
            unit="effects/s",
            figure=ratio_of(subject, yardstick),
            at_least=FLOOR,
        )
    ]


async def _through_the_ledger(ground: Ground, processes: int, events: int, more: Mapping[str, str]) -> float:
    await clear(ground)
    with ground.workers(processes, more):
        async with ground.admin() as connection:
            await fill(connection, events)
            committed = await connection.fetchval("SELECT clock_timestamp()")
        await until_all(ground, "press", events)
        await refuse_uncompleted(ground)
        (rate,) = await ground.row(_OUR_RATE, committed)
    return float(rate)


async def _through_the_bare_actor(ground: Ground, processes: int, threads: int, events: int) -> float:
    await clear(ground)
    await asyncio.to_thread(_enqueue, events)
    with ground.bare_workers(processes, threads):
        await until_all(ground, "bare", events)
        (rate,) = await ground.row(_BARE_RATE)
    return float(rate)


def _enqueue(events: int) -> None:
    for number in range(1, events + 1):
        tree = UUID(int=number % TREES)
        broker.enqueue(note_apple.message(str(uuid4()), str(tree), number, "Boskoop", 150 + number % 100))


async def refuse_uncompleted(ground: Ground) -> None:
    """A rate counts only if what took effect is completed, in one commit with it, and in its key's order.

    Raises:
        RuntimeError: it is not so.
    """
    (open_,) = await ground.row(
        "SELECT count(*) FROM press.deliveries WHERE subscription = $1 AND state <> 'completed'", SUBSCRIPTION
    )
    if open_:
        raise RuntimeError(f"{open_} deliveries have an effect but are not completed")
    (inversions,) = await ground.row(_INVERSIONS)
    if inversions:
        raise RuntimeError(
            f"{inversions} effects came out of their key's order: a rate without order counts nothing"
        )
