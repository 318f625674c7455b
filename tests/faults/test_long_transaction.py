"""Experiment 8: a transaction stays open for a minute, and the events of all others take effect as ever.

Once it only reads, in an old snapshot; once it has written, published, and not committed.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from hedgerow_core.messaging import Relay
from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.checker import Answer, Measured, Publish
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size
from tests.faults.ledger_load.pace import Pace, delays, in_ms, quantile
from tests.faults.ledger_load.relay_mutants import ByOldestRunning
from tests.faults.ledger_load.stage import Stage, ledger_stage
from tests.faults.ledger_load.writers import publish

EXPERIMENT = "8 long transaction"
RATE = 250.0 if LONG else 30.0
LIMIT_S = 0.5 if LONG else 3.0
"""In the short tier other tests may run beside this one."""
MUTANT_S = 4.0


@pytest.mark.parametrize("kind", ["reader", "writer"])
async def test_an_open_transaction_delays_nobody_else(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int, kind: str
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        found, facts = await beside(stage, kind, seed, size("long_transaction.seconds"), Relay)

    verdict(f"{EXPERIMENT}: a {kind}", found, seed=seed, **facts)


async def test_a_relay_that_waits_for_the_oldest_transaction_delays_everybody(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        found, facts = await beside(stage, "writer", seed, MUTANT_S, ByOldestRunning)

    verdict(EXPERIMENT, found, seed=seed, mutant="waits for xmin", **facts)


async def beside(
    stage: Stage, kind: str, seed: int, seconds: float, relay: type[Relay]
) -> tuple[Measured, dict[str, object]]:
    """Publish at a steady pace beside the open transaction; the pace's delays, and that nothing was lost."""
    pace = Pace(stage, seed, RATE)
    async with stage.working(relay=relay):
        await pace.run(1.0)  # what is slow only once is not what is asked here
        pace.committed_at.clear()
        opened = asyncio.create_task(_open_transaction(stage, kind, seconds))
        await pace.run(seconds)
        late = await opened
        await stage.settled(len(pace.published) + len(late))
    taken = list((await delays(stage, pace.committed_at)).values())
    events = await stage.judged([*pace.published, *late])
    p99 = quantile(taken, 0.99)
    line = f"commit to effect p99 {p99 * 1000:.0f} ms, at most {LIMIT_S * 1000:.0f} ms; events {events}"
    return Measured(p99 <= LIMIT_S and events.clean, line), {
        **in_ms(taken),
        "rate": f"{RATE:.0f}/s",
        "open_s": seconds,
    }


async def _open_transaction(stage: Stage, kind: str, seconds: float) -> list[Publish]:
    """Keep a transaction open; returns what it has published in the end."""
    connection = await (stage.owner() if kind == "reader" else stage.writer())
    published: list[Publish] = []
    async with connection.transaction(isolation="repeatable_read" if kind == "reader" else "read_committed"):
        await connection.fetchval("SELECT count(*) FROM source.outbox")
        if kind == "writer":
            key = uuid4()
            published.append(Publish(key, 1, Answer.ACKNOWLEDGED, await publish(connection, key, 1)))
        await asyncio.sleep(seconds)
    await connection.close()
    return published
