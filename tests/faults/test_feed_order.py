"""Experiment 49: as experiment 1, with a publisher in another host: nothing is lost, invented or turned around.

Its mutants are outlets that read by a cursor which looks right.
"""

from __future__ import annotations

import pytest

from hedgerow_core.messaging import Outlet
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.faults.ledger_load.feed_mutants import ByIdAlone, ByOldestRunning, reading_from
from tests.faults.ledger_load.stage import ledger_stage
from tests.faults.ledger_load.writers import Load, count_committed, until_it_shows

EXPERIMENT = "49 order of a remote feed"
MUTANTS: dict[str, type[Outlet]] = {
    "id > cursor": ByIdAlone,
    "windows of xmin, order by id": ByOldestRunning,
}


async def test_every_commit_takes_effect_once_and_in_order_elsewhere(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        relay = reading_from(Outlet(stage.source))
        async with stage.working(holder="a", relay=relay), stage.working(holder="b", relay=relay):
            published = await Load(stage, seed, size("feed_order.commits")).run()
            await stage.settled(count_committed(published))
        found, effects = await stage.judged(published), await stage.effects()

    verdict(EXPERIMENT, found, seed=seed, history=[*published, *effects], attempts=len(published))


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_naive_outlet_loses_events_or_turns_them_around(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int, mutant: str
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        relay = reading_from(MUTANTS[mutant](stage.source))
        async with stage.working(holder="a", relay=relay):
            found, attempts = await until_it_shows(stage, seed)

    verdict(EXPERIMENT, found, seed=seed, mutant=mutant, attempts=attempts)
