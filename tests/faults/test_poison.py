"""Experiment 9: marks raise, hang, or kill their process: they end in quarantine, and nobody else suffers.

After the fix an operator has them tried again, and what was parked behind them resumes in order.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from sqlalchemy import text

from hedgerow_core.messaging import deliveries, steering
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.selection import DeliveryFilter, DeliveryState
from hedgerow_core.messaging.steering import Action
from hedgerow_core.persistence import Database, DatabaseAddress
from tests.faults.laboratory import supervisor
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.contexts.lab_sink import NOTE
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size
from tests.faults.ledger_load.child import ATTEMPTS, DEADLINE_S, ILLS, runs_file
from tests.faults.ledger_load.pace import in_ms, quantile
from tests.faults.ledger_load.quarantine import followers_of_poison, runs_of_a_killer
from tests.faults.ledger_load.stage import SOON, ledger_stage

EXPERIMENT = "9 poison"
WORKERS = 3
RATE = 20.0 if LONG else 40.0
KEYS = 400 if LONG else 80
BASELINE_S = 60.0 if LONG else 3.0
QUARANTINED_WITHIN_S = 120.0
SETTLED_WITHIN_S = 60.0
HANDLER_DEADLINE_S = "1"
SLOWER_AT_MOST = 2.0
RECOVERS_FOR_S = 6.0
"""A relay's lease lasts 5 s, a partition's 4 s: for so long a death may hold up what its process held."""
RECOVERED_WITHIN_S = 10.0
RAISE, KILL, HANG = 100, 1_000, 1_000
"""One of so many marks raises, kills its process, hangs."""

POISONED_KEYS = 5
COUNTED, IS_DEAD = "attempts = attempts + 1", "poison.state = 'dead'"
"""Parts of statements that the mutants leave out."""

_DEAD = f"""
    SELECT payload->>'key' || ':' || (payload->>'number') AS mark, attempts,
        reason LIKE '%no attempt lived%' AS unwritten
    FROM sink.deliveries WHERE subscription = '{NOTE}' AND state = 'dead'
"""
_OPEN = """
    SELECT count(*) FROM sink.deliveries WHERE state IN ('pending', 'processing', 'retry_wait')
"""
_DELAYS = f"""
    SELECT aggregate_id AS key, extract(epoch FROM occurred_at)::float8 AS at,
        extract(epoch FROM completed_at - occurred_at)::float8 AS seconds
    FROM sink.deliveries WHERE subscription = '{NOTE}' AND state = 'completed'
"""


@dataclass(frozen=True, slots=True)
class Outbreak:
    """What was seen while the poison was there."""

    ills: Mapping[str, str]
    runs: Counter[str]
    """How often a worker met each of them: a killer has no other way to tell."""
    attempts: Mapping[str, int]
    """Of everything in quarantine."""
    unwritten: set[str]
    """Those of them whose last attempt nobody lived to write down."""
    before: list[float]
    """Seconds from commit to effect of healthy keys without any poison, and with it."""
    during: list[float]
    recovering: list[float]
    """Of those committed while the work of a killed process waited: seconds since the last death before the effect.

    A killer has as many attempts as any, and so may hold up the same neighbour more than once."""
    deaths: int

    @property
    def at_exactly_n(self) -> bool:
        """Whether all ill marks, and no others, are in quarantine, after the attempts that their policy gives."""
        return (
            self.attempts.keys() == self.ills.keys()
            and all(map(self._counted, self.ills))
            and self._killed_at_most_n
        )

    @property
    def _killed_at_most_n(self) -> bool:
        return all(self.runs[mark] <= ATTEMPTS for mark, ill in self.ills.items() if ill == "kill")

    def _counted(self, mark: str) -> bool:
        """One that died with its process, as a killer does, is found out by whoever claims it once more."""
        unwritten = mark in self.unwritten
        return self.attempts[mark] == ATTEMPTS + unwritten and (unwritten or self.ills[mark] != "kill")

    @property
    def in_time(self) -> bool:
        """Whether healthy keys kept their pace, and waited for no dead process longer than its leases last."""
        kept = quantile(self.during, 0.99) <= SLOWER_AT_MOST * quantile(self.before, 0.99)
        return kept and max(self.recovering, default=0.0) <= RECOVERED_WITHIN_S


@pytest.mark.skipif(not LONG, reason="half a minute of leases that run out: in the long tier")
async def test_poison_ends_in_quarantine_and_resumes_in_order_after_the_fix(
    laboratory_database: DatabaseAddress, redis_url: str, tmp_path: Path, verdict: Records, seed: int
) -> None:
    healthy, poisoned = Load(seed, keys=KEYS), Load(seed + 1, keys=KEYS)
    with mock.patch.object(supervisor, "CHILD", "tests.faults.ledger_load.child"):
        async with laboratory(laboratory_database, redis_url, tmp_path) as bench:
            seen = await outbreak(bench, healthy, poisoned, tmp_path / "ills.json")
            await retry_all(laboratory_database)
            bench.supervisor.worker()
            history = [*healthy.history, *poisoned.history]
            await bench.settled(history, within_s=SETTLED_WITHIN_S, quiet_s=15)
            events, _all = await bench.judged(history)

    line = (
        f"{len(seen.ills)} ill, {len(seen.attempts)} in quarantine, at exactly {ATTEMPTS} attempts: "
        f"{seen.at_exactly_n}; healthy keys p99 {quantile(seen.before, 0.99) * 1000:.0f} → "
        f"{quantile(seen.during, 0.99) * 1000:.0f} ms, after a death at most "
        f"{max(seen.recovering, default=0.0):.1f} s; after the fix {events}"
    )
    verdict(
        EXPERIMENT,
        Measured(seen.at_exactly_n and events.clean and (seen.in_time or not LONG), line),
        seed=seed,
        quarantine=sorted((ill, seen.attempts.get(mark, 0), seen.runs[mark]) for mark, ill in seen.ills.items()),
        deaths=seen.deaths,
        before=in_ms(seen.before),
        during=in_ms(seen.during),
        rate=f"{RATE:.0f}/s",
    )


async def outbreak(bench: Bench, healthy: Load, poisoned: Load, file: Path) -> Outbreak:
    """A while without poison, then one with it, until all that is ill is in quarantine."""
    events = size("poison.events")
    planned = ills_among(poisoned, events)
    await asyncio.to_thread(file.write_text, json.dumps(planned))
    settings = {ILLS: str(file), DEADLINE_S: HANDLER_DEADLINE_S}
    for _ in range(WORKERS):
        bench.supervisor.worker(**settings)
    await bench.supervisor.ready()
    died_at: list[float] = []
    replacing = asyncio.create_task(replace_the_dead(bench, settings, died_at))
    await healthy.publish(bench.source, int(BASELINE_S * RATE), per_second=RATE)
    await poisoned.publish(bench.source, events, per_second=RATE)
    marks = {f"{each.key}:{each.number}" for each in poisoned.history}
    ills = {mark: ill for mark, ill in planned.items() if mark in marks}
    async with asyncio.timeout(QUARANTINED_WITHIN_S):
        await until_in_quarantine(bench, len(ills))
    replacing.cancel()
    bench.supervisor.end()
    sick_keys = {UUID(mark.partition(":")[0]) for mark in ills}
    dead, delays = await bench.query(_DEAD), await bench.query(_DELAYS)
    healthy_now = [row for row in delays if row["key"] in poisoned.numbers.keys() - sick_keys]
    return Outbreak(
        ills=ills,
        runs=await asyncio.to_thread(runs_of, file),
        attempts={row["mark"]: row["attempts"] for row in dead},
        unwritten={row["mark"] for row in dead if row["unwritten"]},
        before=[row["seconds"] for row in delays if row["key"] in healthy.numbers],
        during=[row["seconds"] for row in healthy_now if not _soon_after(row["at"], died_at)],
        recovering=[_since_death(row, died_at) for row in healthy_now if _soon_after(row["at"], died_at)],
        deaths=len(died_at),
    )


async def until_in_quarantine(bench: Bench, ills: int) -> None:
    """Wait until so many are dead, or more, and nothing else is open."""
    while True:
        if (await bench.query(_OPEN))[0][0] == 0 and len(await bench.query(_DEAD)) >= ills:
            return
        await asyncio.sleep(0.2)


def runs_of(ills: Path) -> Counter[str]:
    """How often a worker met each of the ill marks."""
    return Counter(line.split()[1] for line in runs_file(ills).read_text().splitlines())


def ills_among(load: Load, events: int) -> dict[str, str]:
    """Marks that nobody can stomach, each of a key of its own; one of a kind at least."""
    keys = iter([key for share in load._shares() for key in share])
    wanted = {"kill": events // KILL, "hang": events // HANG, "raise": events // RAISE}
    return {f"{next(keys)}:1": ill for ill, count in wanted.items() for _ in range(max(1, count))}


async def replace_the_dead(bench: Bench, settings: Mapping[str, str], died_at: list[float]) -> None:
    """What an orchestrator does."""
    while True:
        for _ in range(WORKERS - len(bench.supervisor.alive)):
            died_at.append(time.time())
            bench.supervisor.worker(**settings)
        await asyncio.sleep(0.1)


def _soon_after(at: float, died_at: Sequence[float]) -> bool:
    """Whether it may have waited for a lease of a process that had died."""
    return any(death - 1 <= at <= death + RECOVERS_FOR_S for death in died_at)


def _since_death(row: Mapping[str, Any], died_at: Sequence[float]) -> float:
    """How long it still took after the last process that died before its effect."""
    done: float = row["at"] + row["seconds"]
    return done - max(row["at"], *(death for death in died_at if death <= done), 0.0)


async def retry_all(address: DatabaseAddress) -> None:
    """What an operator does once the handler is mended."""
    database = Database(address, "sink")
    decision = Decision(by="operator", why="the handler is mended")
    async with database.transaction() as connection:
        await steering.decide(connection, Action.RETRY, DeliveryFilter(states=(DeliveryState.DEAD,)), decision)
    await database.close()


async def test_a_killer_is_in_quarantine_after_exactly_its_attempts(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        runs = await runs_of_a_killer(stage)

    verdict(f"{EXPERIMENT}: a killer", Measured(runs == SOON.attempts, f"dead after {runs} runs"), seed=seed)


async def test_a_killer_whose_attempts_count_at_their_end_kills_for_ever(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    sound = deliveries._CLAIM.text
    assert COUNTED in sound
    async with ledger_stage(source_and_sink) as stage:
        uncounted = text(sound.replace(COUNTED, "attempts = attempts"))
        with mock.patch.multiple(deliveries, _CLAIM=uncounted, _CLAIM_ORPHANS=uncounted):
            runs = await runs_of_a_killer(stage)

    found = Measured(runs == SOON.attempts, f"after {runs} runs it still kills")
    verdict(f"{EXPERIMENT}: a killer", found, seed=seed, mutant="attempts counted at their end")


async def test_followers_of_poison_wait_and_resume_in_order(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    async with ledger_stage(source_and_sink) as stage:
        found = await followers_of_poison(stage, POISONED_KEYS)

    verdict(f"{EXPERIMENT}: followers", found, seed=seed)


async def test_followers_that_nobody_parks_pass_the_poison(
    source_and_sink: DatabaseAddress, verdict: Records, seed: int
) -> None:
    sound = deliveries._PARK_FOLLOWERS.text
    assert IS_DEAD in sound
    async with ledger_stage(source_and_sink) as stage:
        with mock.patch.object(deliveries, "_PARK_FOLLOWERS", text(sound.replace(IS_DEAD, "false"))):
            found = await followers_of_poison(stage, POISONED_KEYS)

    verdict(f"{EXPERIMENT}: followers", found, seed=seed, mutant="parks nobody")
