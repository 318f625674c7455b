"""Experiment 48: a context moves while all write; the mover is killed at every place, and nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.laboratory.two_clusters import Moving, moving
from tests.extraction.laboratory.writers import Writers
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.crash_points import MOVE_POINTS
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size

EXPERIMENT = "48 moved under load"
STANDSTILL_S = 5.0
BEFORE_SWITCH = [point for point in MOVE_POINTS if point.startswith("move_")]
IN_SWITCH = [point for point in MOVE_POINTS if point.startswith("switch_")]
A_FEW, SOME = (50, 100) if LONG else (10, 20)
ON_THE_WAY_BACK = [point for point in MOVE_POINTS if point.startswith("back_")]


def some_of(points: list[str], seed: int) -> list[str]:
    """In the order in which they are passed."""
    chosen = random.Random(seed).sample(points, min(size("moved.points"), len(points)))
    return sorted(chosen, key=points.index)


async def begun(move: Moving, writers: Writers, points: list[str], **settings: str) -> None:
    """Compared, with a new host that stands by; the mover has died at these points."""
    await writers.some(A_FEW)
    for point in points:
        await move.run("shadow", dies_at=point, **settings)
    await move.run("shadow", **settings)
    await move.start_new_host()


async def test_nothing_is_lost_wherever_the_mover_dies(
    laboratory_database: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
) -> None:
    before, within = some_of(BEFORE_SWITCH, seed), some_of(IN_SWITCH, seed)
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        move.bench.supervisor.worker()
        async with writers.writing():
            await begun(move, writers, before)
            for point in within:
                await move.run("switch", dies_at=point)
            await move.run("switch")
            await writers.at_the_target(A_FEW)
        wrong = await move.judged(target, writers)
    assert writers.tasks, "nothing has come to be counted"
    facts = {"events": len(writers.published), "deaths": len(before) + len(within)}
    verdict(EXPERIMENT, Measured(not wrong, wrong or "nothing lost, nothing doubled"), seed=seed, **facts)


async def test_a_switch_that_nobody_disturbs_takes_a_moment(
    laboratory_database: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        async with writers.writing():
            await begun(move, writers, [])
            writers.longest_gap_s = 0.0
            await move.run("switch")
            await writers.at_the_target(A_FEW)
        wrong = await move.judged(target, writers)
    gap = writers.longest_gap_s
    line = f"{wrong or 'nothing lost'}; no writer waited for longer than {gap:.2f} s"
    verdict("48 moment of the switch", Measured(not wrong and gap <= STANDSTILL_S, line), seed=seed)


@pytest.mark.parametrize(
    ("mutant", "shows"),
    [("moves_without_fence", "events lost"), ("leaves_a_table_unwatched", "only at the source")],
)
async def test_a_mover_that_is_broken_does_damage_or_notices(
    laboratory_database: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str,
    shows: str,
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        move.bench.supervisor.worker()
        async with writers.writing():
            await writers.some(A_FEW)
            await move.run("copy", **{MUTANT: mutant})
            await writers.some(SOME)
            code, wrong = await move.mover_says("shadow", **{MUTANT: mutant})
            if code == 0:
                await move.start_new_api()
                code, wrong = await move.mover_says("switch", **{MUTANT: mutant})
            if code == 0:
                await writers.some(A_FEW)
        wrong = wrong if code else await move.compared(target, writers)
    assert shows in wrong
    verdict(EXPERIMENT, Measured(not wrong, " ".join(wrong.split())[-200:]), seed=seed, mutant=mutant)
