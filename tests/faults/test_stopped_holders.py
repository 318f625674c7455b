"""Experiment 4: a process freezes for three leases; what it held has gone to others, and it writes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import LEASE_S, MUTANT, STOP_POINT
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size
from tests.processes import Process

EVENTS = 64 if LONG else 32
LEASE_OF_LAB_S = 4.0 if LONG else 1.0
FROZEN_S = 3 * LEASE_OF_LAB_S
DRAINED_WITHIN_S = 30.0 if LONG else 120.0
STOPPED = "laboratory_stopped"
BEFORE_ITS_END = "work_before_flush"
"""The effect is written, and the partition's row is not locked yet, so that others can take it over."""

_LEADERS = "SELECT holder, term FROM sink.feed_cursors WHERE publisher = 'source'"
_HELD_BY = "SELECT count(*) FROM sink.delivery_partitions WHERE owner LIKE '%:' || $1 AND expires_at > '-infinity'"


async def leader(bench: Bench, *, other_than: str = "") -> tuple[str, int]:
    """Who relays to `sink`, once somebody does, and in which term."""
    async with asyncio.timeout(DRAINED_WITHIN_S):
        while True:
            for row in await bench.query(_LEADERS):
                if row["holder"] and row["holder"] != other_than:
                    return row["holder"], row["term"]
            await asyncio.sleep(0.05)


def process_of(bench: Bench, holder: str) -> Process:
    return next(process for process in bench.supervisor.alive if holder.endswith(f":{process.pid}"))


async def taken_over(bench: Bench, sleeper: Process) -> None:
    """Wait until others have every partition that the sleeper held."""
    async with asyncio.timeout(DRAINED_WITHIN_S):
        while (await bench.query(_HELD_BY, str(sleeper.pid)))[0][0]:  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("mutant", [None, "leads_without_lease"])
async def test_a_relay_that_slept_through_its_lease_leads_nothing(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    load, settings = Load(seed), {LEASE_S: str(LEASE_OF_LAB_S)} | ({MUTANT: mutant} if mutant else {})
    took_back = []
    async with laboratory(laboratory_database, redis_url, tmp_path, **settings) as bench:
        for _ in range(2):
            bench.supervisor.worker()
        await bench.supervisor.ready()
        for _ in range(size("stopped.rounds")):
            holder, _term = await leader(bench)
            frozen = process_of(bench, holder)
            frozen.send(signal.SIGSTOP)
            await load.publish(bench.source, EVENTS)
            await asyncio.sleep(FROZEN_S)
            successor, term = await leader(bench, other_than=holder)
            frozen.send(signal.SIGCONT)
            for _ in range(20):
                await load.publish(bench.source, EVENTS // 4)
                took_back.append(await bench.query(_LEADERS) != [(successor, term)])
                await asyncio.sleep(LEASE_OF_LAB_S / 20)
        await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=15)
        finding, history = await bench.judged(load.history)
    assert finding.clean, finding
    seen = Measured(
        not any(took_back), f"{finding.counts}; the fenced relay was seen leading {sum(took_back)} times"
    )
    verdict("4 stopped relay", seen, seed=seed, mutant=mutant, history=history, frozen_s=FROZEN_S)


@pytest.mark.parametrize("mutant", [None, "completes_without_token"])
async def test_a_drain_that_slept_through_its_lease_commits_nothing(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    load, settings = Load(seed), {LEASE_S: str(LEASE_OF_LAB_S)} | ({MUTANT: mutant} if mutant else {})
    lost = 0
    async with laboratory(laboratory_database, redis_url, tmp_path, **settings) as bench:
        for _ in range(size("stopped.rounds")):
            await load.publish(bench.source, EVENTS)
            sleeper = bench.supervisor.worker(HEDGEROW_CONTEXTS="sink", **{STOP_POINT: BEFORE_ITS_END})
            await asyncio.to_thread(sleeper.wait_for, STOPPED)
            heir = bench.supervisor.worker()
            await asyncio.to_thread(heir.wait_for, "worker_ready")
            await asyncio.sleep(FROZEN_S)
            await taken_over(bench, sleeper)
            await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=FROZEN_S)
            os.kill(sleeper.pid, signal.SIGCONT)
            if mutant is None:
                await asyncio.to_thread(sleeper.wait_for, "partition_lost", DRAINED_WITHIN_S)
                # The heir may have taken over only just now.
                await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=15)
            else:
                await asyncio.sleep(LEASE_OF_LAB_S)
            lost += sleeper.output.count("partition_lost")
            bench.supervisor.end()
        finding, history = await bench.judged(load.history)
    shows = "duplicate" if mutant else None
    verdict(
        "4 stopped drain",
        finding,
        seed=seed,
        mutant=mutant,
        shows=shows,
        history=history,
        frozen_s=FROZEN_S,
        fenced=lost,
    )
