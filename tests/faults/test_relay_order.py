"""Experiment 1: many writers, late commits, roll-backs, two relays: nothing is lost, invented or turned around.

Its mutants are the four ways to read an outbox that look right (ADR 0002).
"""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from hedgerow_core.messaging import Relay
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.faults.ledger_load.relay_mutants import ByIdAlone, ByOldestRunning, ByTransaction, SkipLocked
from tests.faults.ledger_load.stage import ledger_stage
from tests.faults.ledger_load.writers import Load, count_committed, until_it_shows

EXPERIMENT = "1 relay order"
MUTANTS = {
    "id > cursor": ByIdAlone,
    "order by xid below xmin": ByTransaction,
    "windows of xmin, order by id": ByOldestRunning,
    "two relays with SKIP LOCKED": SkipLocked,
}


async def test_every_commit_takes_effect_once_and_in_order(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage, stage.working(holder="a"), stage.working(holder="b"):
        published = await Load(stage, seed, size("relay_order.commits")).run()
        await stage.settled(count_committed(published))
        found, effects = await stage.judged(published), await stage.effects()

    verdict(EXPERIMENT, found, seed=seed, history=[*published, *effects], attempts=len(published))


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_naive_relay_loses_events_or_turns_them_around(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int, mutant: str
) -> None:
    relay: type[Relay] = MUTANTS[mutant]
    async with ledger_stage(source_and_sink) as stage, AsyncExitStack() as workers:
        if relay is SkipLocked:
            await stage.as_owner("GRANT UPDATE ON source.outbox TO hedgerow_sink")  # FOR UPDATE asks for it
            await workers.enter_async_context(stage.working(holder="b", relay=relay))
        await workers.enter_async_context(stage.working(holder="a", relay=relay))
        found, attempts = await until_it_shows(stage, seed)

    verdict(EXPERIMENT, found, seed=seed, mutant=mutant, attempts=attempts)
