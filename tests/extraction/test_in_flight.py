"""What is under way when a context moves: claimed deliveries, open transactions, and who reads its events."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from hedgerow_core.messaging.cursors import IS_IN_WINDOW, IS_NEW
from hedgerow_core.persistence import ContextIsMoving, Database, DatabaseAddress
from tests.extraction.laboratory.two_clusters import moving, value
from tests.extraction.laboratory.writers import QUICKLY_S, Writers
from tests.faults.laboratory.child import MUTANT, STOP_POINT
from tests.faults.laboratory.servers import plain_url
from tests.faults.laboratory.sizes import with_twins

STOPPED = "laboratory_stopped"
COUNTED = "SELECT count(*) FROM source.counted"


@pytest.mark.parametrize("mutant", with_twins("gives_nothing_back"))
async def test_what_a_worker_holds_at_the_switch_is_done_once_and_counts_no_attempt(
    laboratory_database: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    seed: int,
    mutant: str | None,
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed, count=1, pause_s=QUICKLY_S)
        async with writers.writing():
            await writers.some(40)
            await move.run("shadow")
            await move.start_new_host()
        sleeper = move.bench.supervisor.worker(HEDGEROW_CONTEXTS="source", **{STOP_POINT: "handler_before"})
        await asyncio.to_thread(sleeper.wait_for, STOPPED)
        before = await value(laboratory_database, COUNTED)
        # Frozen between two statements, it is waited for; after 15 s PostgreSQL ends that. Who is frozen amid the
        # messages of one statement counts as active for ever: the operator does what the mover says.
        began = time.monotonic()
        while (ended := await move.mover_says("switch", **settings))[0]:
            waited_s = time.monotonic() - began
            assert waited_s < 120, ended  # on a machine that has much else to do
            if waited_s > 20:
                await end_sessions(laboratory_database, ended[1])
            await asyncio.sleep(1)
        wrong = await move.judged(target, writers)
        os.kill(sleeper.pid, signal.SIGCONT)
        await asyncio.to_thread(sleeper.wait_for, "dispatcher_waits")
        again = await move.judged(target, writers)
        assert await value(laboratory_database, COUNTED) == before, "it has done something after the switch"
    assert sleeper.output.count("dispatcher_waits") == 1
    assert "delivery_failed" not in sleeper.output
    if mutant:
        assert "tried again" in wrong
    else:
        assert (wrong, again) == ("", "")


async def end_sessions(address: DatabaseAddress, said: str) -> None:
    """As the mover's words have it: end who has been writing for too long."""
    for pid in re.findall(r"session (\d+) \(", said):
        await value(address, "SELECT pg_terminate_backend($1::int)", int(pid))


async def test_who_writes_for_too_long_keeps_the_source_open(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path, seed: int
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        async with writers.writing():
            await writers.some(20)
            await move.run("shadow")
            await move.start_new_host()
            dawdler = await asyncpg.connect(plain_url(laboratory_database))
            try:
                async with dawdler.transaction():
                    await dawdler.execute("INSERT INTO source.marks VALUES ($1, 1)", uuid4())
                    code, said = await move.mover_says("switch")
                    assert code == 1, said
                    assert "has been writing to source" in said
                    await writers.some(20)
            finally:
                await dawdler.close()
            await move.run("switch")
            await writers.at_the_target(20)
        assert await move.judged(target, writers) == ""


async def test_the_source_goes_on_by_itself_when_the_mover_dies_in_the_switch(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path, seed: int
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        async with writers.writing():
            await writers.some(20)
            await move.run("shadow")
            await move.start_new_host()
            await move.run("switch", dies_at="switch_sequences_after")
            await writers.some(20)
            assert writers.at_target == 0
            await move.run("switch", dies_at="switch_for_good_after")
            told = json.loads((await move.says("status", "--json"))[1])
            assert (told["at_source"], told["at_target"]) == ("takes no writes", "takes no writes")
            await move.run("switch")
            await writers.at_the_target(20)
        assert await move.judged(target, writers) == ""


async def test_a_closed_side_refuses_writes_whenever_the_transaction_has_begun(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        await move.run("shadow")
        await move.start_new_host()
        early = await asyncpg.connect(plain_url(laboratory_database))
        transaction = early.transaction(isolation="serializable")
        await transaction.start()
        await early.fetchval("SELECT count(*) FROM source.marks")
        await move.run("switch")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await early.execute("INSERT INTO source.marks VALUES ($1, 1)", uuid4())
        await early.close()
        assert refused.value.sqlstate == "MV001"
        with pytest.raises(asyncpg.PostgresError, match="TRUNCATE"):
            await value(laboratory_database, "TRUNCATE source.marks")
        database = Database(laboratory_database, "source")
        with pytest.raises(ContextIsMoving):
            async with database.transaction() as connection:
                await connection.execute(text("DELETE FROM marks"))
        await database.close()


@pytest.mark.parametrize("mutant", with_twins("keeps_transaction_ids"))
async def test_who_reads_events_at_the_target_from_the_first_moment_misses_none(
    laboratory_database: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    seed: int,
    mutant: str | None,
) -> None:
    settings = {MUTANT: mutant} if mutant else {}
    seen: Counter[str] = Counter()
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        async with writers.writing():
            await writers.some(20)
            await move.run("prepare", **settings)
            snapshot = await read_on(target, None, seen)
            for stage in ("copy", "follow", "shadow"):
                await writers.some(20)
                await move.run(stage, **settings)
                snapshot = await read_on(target, snapshot, seen)
            await move.start_new_host()
            await move.run("switch", **settings)
            await writers.at_the_target(20)
        await read_on(target, snapshot, seen)
    missed = [mark for mark in map(str, writers.published) if not seen[mark]]
    assert bool(missed) is (mutant is not None), f"{len(missed)} of {len(writers.published)} missed"


async def read_on(target: DatabaseAddress, snapshot: str | None, seen: Counter[str]) -> str:
    """As a relay reads: what is visible now, and was not in the last snapshot."""
    engine = create_async_engine(target.url)
    new = f"""
        SELECT (payload->>'key')::uuid AS key, (payload->>'number')::int AS number
        FROM source.outbox o WHERE {IS_NEW} AND {IS_IN_WINDOW}
    """
    async with engine.connect() as connection:
        window = (await connection.execute(text("SELECT pg_current_snapshot()::text"))).scalar_one()
        if snapshot is not None:
            found = await connection.execute(text(new), {"snapshot": snapshot, "window": window})
            seen.update(str((row.key, row.number)) for row in found)
    await engine.dispose()
    return str(window)
