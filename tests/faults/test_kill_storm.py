"""Experiment 2: processes die at random while they relay and drain; every effect happens once, in order."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.child import LEASE_S, MUTANT
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins

WORKERS = 3
GAPS_S = (2.0, 10.0) if LONG else (0.5, 1.5)
DRAINED_WITHIN_S = 30.0 if LONG else 120.0
"""Loose in the short tier, whose machine may have other things to do: slow must not look like lost."""
GIVE_UP_AFTER_S = 180.0
QUIET_S = 15.0
"""Several leases, sweeps and heartbeats: what has not moved for so long does not move any more."""


LEASE_OF_LAB_S = 4.0 if LONG else 1.0
"""Shorter leases let a short experiment see many deaths; the long one keeps those of the product."""


async def storm(bench: Bench, load: Load, *, events: int, kills: int) -> float:
    """Publish under fire; returns how long the rest took after the last kill, or until nothing moved any more."""
    dice = random.Random(load.seed)
    for _ in range(WORKERS):
        bench.supervisor.worker()
    await bench.supervisor.ready()
    rate = events / (kills * sum(GAPS_S) / 2)
    publishing = asyncio.create_task(load.publish(bench.source, events, per_second=rate))
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(*GAPS_S))
        bench.supervisor.kill(dice.choice(bench.supervisor.alive))
        bench.supervisor.worker()
    await publishing
    await bench.supervisor.ready()
    return await bench.settled(load.history, within_s=GIVE_UP_AFTER_S, quiet_s=QUIET_S)


SHOWS = {"forgets_orphans": "stuck", "effect_apart_from_state": "duplicate", "cursor_before_carry": "lost"}


@pytest.mark.parametrize("mutant", with_twins(*SHOWS))
async def test_what_dies_at_random_costs_nothing(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    which = "mutant_" if mutant else ""
    events, kills = size(f"kill_storm.{which}events"), size(f"kill_storm.{which}kills")
    load, settings = Load(seed), {LEASE_S: str(LEASE_OF_LAB_S)} | ({MUTANT: mutant} if mutant else {})
    async with laboratory(laboratory_database, redis_url, tmp_path, **settings) as bench:
        rest_s = await storm(bench, load, events=events, kills=kills)
        finding, history = await bench.judged(load.history)
    shows = SHOWS[mutant] if mutant else None
    facts = {"events": len(load.history), "kills": kills, "drained_s": round(rest_s, 1)}
    verdict("2 kill storm", finding, seed=seed, mutant=mutant, shows=shows, history=history, **facts)
    assert rest_s < DRAINED_WITHIN_S, f"seed={seed}: slow, though nothing was lost"
