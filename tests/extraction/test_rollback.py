"""A move can be taken back at every stage before it is retired, and leaves a line in the trail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.laboratory.two_clusters import moving, rows, value
from tests.extraction.laboratory.writers import Writers
from tests.extraction.test_move_under_load import A_FEW, ON_THE_WAY_BACK, some_of
from tests.faults.laboratory.sizes import LONG

STAGES = ["prepare", "copy", "shadow", "switch"] if LONG else ["switch"]

_TRACES = """
    SELECT nspname FROM pg_namespace WHERE nspname = 'hedgerow_extraction'
    UNION ALL SELECT tgname FROM pg_trigger WHERE tgname LIKE 'hedgerow%'
"""
_TRAIL = "SELECT action, details::text FROM source.audit_entries WHERE action LIKE 'extraction.%'"


@pytest.mark.parametrize("stage", STAGES)
async def test_a_move_can_be_taken_back_at_every_stage(
    laboratory_database: DatabaseAddress,
    target: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    seed: int,
    stage: str,
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        writers = Writers(laboratory_database, target, seed)
        move.bench.supervisor.worker()
        async with writers.writing():
            await writers.some(A_FEW)
            new_host = []
            if stage == "switch":
                await move.run("shadow")
                new_host = await move.start_new_host()
            await move.run(stage)
            await writers.some(A_FEW)
            if stage == "switch":
                for point in some_of(ON_THE_WAY_BACK[:2], seed):
                    await move.roll_back(dies_at=point)
                stopped = move.extract("rollback", "--yes")
                assert stopped.wait() == 4, stopped.output  # it works again; but the new host is still there
                assert "stop the new host" in stopped.output
            for process in new_host:
                process.end()
            for point in some_of(ON_THE_WAY_BACK[2:], seed):
                await move.roll_back(dies_at=point)
            if await value(laboratory_database, "SELECT to_regclass('hedgerow_extraction.moves') IS NOT NULL"):
                await move.roll_back()
            await writers.some(A_FEW)
        assert await move.judged(laboratory_database, writers) == ""
        assert (writers.at_target > 0) is (stage == "switch")

    assert await rows(laboratory_database, _TRACES) == []
    assert await rows(target, _TRACES) == []
    assert await rows(target, "SELECT nspname FROM pg_namespace WHERE nspname = 'source'") == []
    ((action, details),) = await rows(laboratory_database, _TRAIL)
    assert action == "extraction.rolled_back"
    assert json.loads(details)["stage"] == stage
