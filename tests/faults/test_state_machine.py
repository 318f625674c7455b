"""Experiment 17: publishing, delivering, crashing and steering, in any order, leave each effect once, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text
from structlog.testing import capture_logs

from hedgerow_core.messaging import deliveries, housekeeping, relay
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size
from tests.faults.ledger_load.machine import Ledger
from tests.faults.ledger_load.stage import ledger_stage

EXPERIMENT = "17 state machine"
STEPS = 30
MUTANT_EXAMPLES = 300
TOKEN = "AND state = 'processing' AND token = :token"
WAITING = "AND waiting.ordering_key IS NULL"
MUTANTS = {
    "completes what is no longer its own": (deliveries, "_COMPLETE", TOKEN, "", 4),
    "passes what waits for its retry": (deliveries, "_CLAIM", WAITING, "", 2),
    "parks nobody": (deliveries, "_PARK_FOLLOWERS", "poison.state = 'dead'", "false", 4),
    "prunes what may come again": (housekeeping, "_EVENT_IS_GONE", "min(id)", "min(9e18::bigint)", 11),
}
"""The room and its constant, the part of it that is taken out, what stands there instead, and dice that find out
soon: how many examples chance needs would else depend on the day."""


@pytest.fixture
def machine(source_and_sink: DatabaseAddress) -> Iterator[type[Ledger]]:
    """The machine on a database, with small pages and batches, so that few events fill them."""
    with asyncio.Runner() as runner, ExitStack() as small:
        small.enter_context(capture_logs())
        small.enter_context(mock.patch.object(relay, "PAGE", 2))
        small.enter_context(mock.patch.object(relay, "RENEW_AFTER_S", 0.0))
        small.enter_context(mock.patch.object(relay, "LOOK_AGAIN_S", 0.0))
        small.enter_context(mock.patch.object(deliveries, "BATCH", 3))
        stack = AsyncExitStack()
        stage = runner.run(stack.enter_async_context(ledger_stage(source_and_sink)))
        writers = [runner.run(stage.writer()) for _ in range(2)]
        owner = runner.run(stage.owner())
        on = {"stage": stage, "runner": runner, "writers": writers, "owner": owner}
        yield type("LedgerOnItsDatabase", (Ledger,), on)
        for connection in (*writers, owner):
            runner.run(connection.close())
        runner.run(stack.aclose())


def play(machine: type[Ledger], seed: int, examples: int) -> Measured:
    """Let Hypothesis look for a counterexample."""
    started = time.monotonic()
    how = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seeded(seed)(machine), settings=how)
    except AssertionError as counterexample:
        return Measured(False, f"{counterexample} after {time.monotonic() - started:.0f} s")
    return Measured(True, f"{examples} examples of up to {STEPS} steps, no violation")


def test_whatever_happens_every_effect_happens_once_and_in_order(
    machine: type[Ledger], verdict: Records, seed: int
) -> None:
    verdict(EXPERIMENT, play(machine, seed, size("state_machine.examples")), seed=seed)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_statement_that_looks_away_is_found_out(machine: type[Ledger], verdict: Records, mutant: str) -> None:
    room, constant, part, instead, seed = MUTANTS[mutant]
    sound = getattr(room, constant)
    assert part in str(sound), f"{constant} no longer reads as this mutant expects"
    broken = str(sound).replace(part, instead)
    with mock.patch.object(room, constant, broken if isinstance(sound, str) else text(broken)):
        found = play(machine, seed, MUTANT_EXAMPLES)

    verdict(EXPERIMENT, found, seed=seed, mutant=mutant)
