"""Experiment 48: a context moves while everybody writes; the mover is killed at every place, and nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.laboratory.two_clusters import Moving, moving, value
from tests.extraction.laboratory.writers import Writers
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.crash_points import CRASH_POINTS
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size

STANDSTILL_S = 5.0
BEFORE_SWITCH = [point for point in CRASH_POINTS if point.startswith("move_")]
IN_SWITCH = [point for point in CRASH_POINTS if point.startswith("switch_")]
ON_THE_WAY_BACK = [point for point in CRASH_POINTS if point.startswith("back_")]


def some_of(points: list[str], seed: int) -> list[str]:
    """In the order in which they are passed."""
    chosen = random.Random(seed).sample(points, min(size("moved.points"), len(points)))
    return sorted(chosen, key=points.index)


async def test_a_context_moves_under_load_and_the_mover_may_die_anywhere(
    source_and_sink: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
) -> None:
    deaths = 0
    async with moving(source_and_sink, target, redis_url, tmp_path) as move:
        writers = Writers(source_and_sink, target, seed)
        move.bench.supervisor.worker()
        await move.bench.supervisor.ready()
        async with writers.writing():
            await writers.some(100)
            for point in some_of(BEFORE_SWITCH, seed):
                await move.run("shadow", dies_at=point)
                deaths += 1
            await move.run("shadow")
            await move.start_new_host()
            for point in some_of(IN_SWITCH, seed):
                await move.run("switch", dies_at=point)
                deaths += 1
            await move.run("switch")
            await writers.some(100)
        wrong = await move.judged(target, writers)
    line = f"{wrong or 'nothing lost, nothing doubled'}; the longest gap of a writer was {writers.longest_gap_s:.2f} s"
    facts = {"events": len(writers.published), "deaths": deaths}
    verdict("48 moved under load", Measured(not wrong, line), seed=seed, **facts)
    assert writers.at_target >= 100
