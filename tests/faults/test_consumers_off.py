"""Experiment 10: without a worker publishers notice nothing, and the backlog is gone soon after one comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock
from uuid import UUID

import pytest

from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory import supervisor
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.checker import Measured, Publish
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.contexts.lab_source import SourceWork
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.ledger_load.pace import quantile

EXPERIMENT = "10 consumers off"
RATE = 50.0 if LONG else 40.0
KEYS = 50
SLOWER_AT_MOST = 1.2 if LONG else 5.0
"""In the short tier other tests may run beside this one."""
FASTER_AT_LEAST = 3.0 if LONG else 0.6
BACKLOG = 10_000 if LONG else 300
"""As after a longer absence: what is left when a worker comes back is this much, and what the pace adds."""
MUTANT_S = 3.0
DRAINED_WITHIN_S = 60.0 if LONG else 12.0
SETTLED_WITHIN_S = 60.0
_DONE = "SELECT count(*) FROM sink.effects"


@dataclass(slots=True)
class Publisher:
    """Publishes one mark after the other, at a steady pace, through the product's unit of work."""

    bench: Bench
    history: list[Publish] = field(default_factory=list)

    async def run(self, seconds: float) -> list[float]:
        """Keep the pace for so long; how long each transaction took, in seconds."""
        began, took_s = time.monotonic(), list[float]()
        for tick in range(int(RATE * seconds)):
            await asyncio.sleep(max(0.0, began + tick / RATE - time.monotonic()))
            started, place = time.monotonic(), len(self.history)
            key, number = UUID(int=1 + place % KEYS), 1 + place // KEYS
            async with unit_of_work(
                self.bench.source, lambda c: SourceWork(c, clock=SystemClock()), lambda: None
            ) as work:
                await work.mark(key, number)
            took_s.append(time.monotonic() - started)
            self.history.append(Publish(key, number))
        return took_s


@pytest.fixture(autouse=True)
def our_child() -> Iterator[None]:
    """Workers that know the mutant of this experiment, too."""
    with mock.patch.object(supervisor, "CHILD", "tests.faults.ledger_load.child"):
        yield


@pytest.mark.parametrize("mutant", with_twins("one_at_a_time"))
async def test_publishers_do_not_notice_that_nobody_consumes_and_the_backlog_drains(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    seconds = MUTANT_S if mutant else size("consumers_off.seconds")
    async with laboratory(
        laboratory_database, redis_url, tmp_path, **({MUTANT: mutant} if mutant else {})
    ) as bench:
        found, facts = await off_and_on(bench, seconds, seed, to_the_end=mutant is None)

    verdict(EXPERIMENT, found, seed=seed, mutant=mutant, **facts)


async def off_and_on(
    bench: Bench, seconds: float, seed: int, *, to_the_end: bool = True
) -> tuple[Measured, dict[str, object]]:
    """Publish with a worker, without one, and while a new one works off the backlog."""
    publisher = Publisher(bench)
    bench.supervisor.worker()
    await bench.supervisor.ready()
    await publisher.run(1.0)  # pools fill, plans are cached
    with_worker = await publisher.run(seconds)
    bench.supervisor.end()
    done = await _count(bench)
    without = await publisher.run(seconds)
    absence = Load(seed)
    await absence.publish(bench.source, BACKLOG)
    backlog = len(publisher.history) + _committed(absence) - done
    bench.supervisor.worker()
    await bench.supervisor.ready()
    ingesting = asyncio.create_task(publisher.run(seconds))
    drained_s = await _drained(bench, done + backlog)
    drained = await _count(bench) - done
    while_draining = await ingesting
    history = [*publisher.history, *absence.history]
    if to_the_end:
        await bench.settled(history, within_s=SETTLED_WITHIN_S, quiet_s=15)
    events, _all = await bench.judged(history)
    on, off = quantile(with_worker, 0.99), quantile(without, 0.99)
    faster = drained / drained_s / RATE
    line = (
        f"publishing p99 {on * 1000:.1f} ms with, {off * 1000:.1f} ms without a worker; "
        f"{drained} of a backlog of {backlog} done in {drained_s:.1f} s, {faster:.1f} times the pace; "
        f"{events if to_the_end else 'not waited for the end'}"
    )
    draining = f"{quantile(while_draining, 0.99) * 1000:.1f} ms"
    clean = off <= SLOWER_AT_MOST * on and faster >= FASTER_AT_LEAST and (events.clean or not to_the_end)
    return Measured(clean, line), {"rate": f"{RATE:.0f}/s", "p99_while_draining": draining}


async def _drained(bench: Bench, wanted: int) -> float:
    """Seconds until so many marks are noted, or until the patience is over."""
    started = time.monotonic()
    while await _count(bench) < wanted:
        if time.monotonic() - started > DRAINED_WITHIN_S:
            break
        await asyncio.sleep(0.02)
    return time.monotonic() - started


def _committed(load: Load) -> int:
    return sum(load.numbers.values())


async def _count(bench: Bench) -> int:
    return int((await bench.query(_DONE))[0][0])
