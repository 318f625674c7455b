"""Experiment 7: PostgreSQL cuts every connection each second and restarts in between; acknowledged ⇔ present."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence.embedded import EmbeddedPostgres, embedded_postgres
from hedgerow_core.testing.servers import free_port
from tests.faults.laboratory.bench import CONTEXTS, Bench, laboratory, migrated
from tests.faults.laboratory.child import LEASE_S, MUTANT
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins

DRAINED_WITHIN_S = 30.0 if LONG else 120.0
QUIET_S = 8.0
CUT_EVERY_S = 1.0

_CUT = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name LIKE 'hedgerow/%' AND pid <> pg_backend_pid()
"""


async def cut(bench: Bench) -> int:
    """End all connections of the product; returns how many there were. 0 if the server is away itself."""
    try:
        return int((await bench.query(_CUT))[0][0])
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return 0


async def restart_immediately(postgres: EmbeddedPostgres, folder: Path) -> None:
    """SIGQUIT, "immediate shutdown": nothing is finished, the next start recovers from the log."""
    pid_file = folder / "postgres" / "postmaster.pid"
    pid = int(pid_file.read_text().split("\n", 1)[0])
    os.kill(pid, signal.SIGQUIT)
    await asyncio.to_thread(_wait_until_gone, pid_file)
    await asyncio.to_thread(postgres.start)


def _wait_until_gone(pid_file: Path) -> None:
    while pid_file.exists():
        time.sleep(0.02)


@pytest.mark.parametrize("mutant", with_twins("publishes_after_commit"))
async def test_what_was_acknowledged_is_there_and_takes_effect(
    redis_url: str, tmp_path: Path, verdict: Records, seed: int, mutant: str | None
) -> None:
    load, port, dice = Load(seed, keys=16), free_port(), random.Random(seed)
    settings = {LEASE_S: "1"} | ({MUTANT: mutant} if mutant else {})
    requests, restarts, cuts = size("cut_connections.publishes"), size("cut_connections.restarts"), 0
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="hedgerow-") as folder, embedded_postgres(Path(folder)) as postgres:
        await migrated(postgres.address, *CONTEXTS)
        async with (
            laboratory(postgres.address, redis_url, tmp_path, **settings) as bench,
            httpx.AsyncClient(base_url=url, timeout=10) as client,
        ):
            bench.supervisor.worker()
            await bench.supervisor.api(port)
            await bench.supervisor.ready()
            publishing = asyncio.create_task(load.publish_over_http(client, requests))
            while not publishing.done():
                await asyncio.sleep(CUT_EVERY_S * dice.uniform(0.5, 1.5))
                cuts += await cut(bench)
                if restarts:
                    restarts -= 1
                    await restart_immediately(postgres, Path(folder))
            await publishing
            rest_s = await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=QUIET_S)
            finding, history = await bench.judged(load.history)
    unknown = sum(each.answer == "unknown" for each in load.history)
    facts = {"answers": len(load.history), "unknown": unknown, "cut": cuts, "drained_s": round(rest_s, 1)}
    shows = "lost" if mutant else None
    assert cuts
    verdict("7 cut connections", finding, seed=seed, mutant=mutant, shows=shows, history=history, **facts)
