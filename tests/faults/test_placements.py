"""Experiment 12: both contexts in one process, or each in one of its own: the same marks leave the same state."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import database_for_test
from tests.faults.laboratory import supervisor
from tests.faults.laboratory.bench import CONTEXTS, Bench, laboratory, migrated
from tests.faults.laboratory.checker import Measured, Verdict
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import size

EXPERIMENT = "12 placements"
TOGETHER = ("source,sink",)
APART = ("source", "sink")
DRAINED_WITHIN_S = 120.0
QUIET_S = 15.0
MUTANT_EVENTS = 50
MUTANT_QUIET_S = 3.0

# Everything that both contexts hold, but for ids, times and the number of attempts.
STATE = (
    "SELECT key, number FROM source.marks ORDER BY key",
    "SELECT key, number FROM sink.effects ORDER BY key, id",
    "SELECT key, number FROM source.effects ORDER BY key, id",
    "SELECT key, number FROM source.counted ORDER BY key, number",
    "SELECT type, version, aggregate_id, aggregate_version, payload::text FROM source.outbox ORDER BY 1, 3, 4",
    "SELECT type, version, aggregate_id, aggregate_version, payload::text FROM sink.outbox ORDER BY 1, 3, 4",
    "SELECT subscription, type, state, payload::text FROM source.deliveries ORDER BY 1, 4",
    "SELECT subscription, type, state, payload::text FROM sink.deliveries ORDER BY 1, 4",
)


@pytest.fixture(autouse=True)
def our_child() -> Iterator[None]:
    """Workers that know the mutant of this experiment, too."""
    with mock.patch.object(supervisor, "CHILD", "tests.faults.ledger_load.child"):
        yield


def test_the_placement_of_contexts_changes_nothing(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path, verdict: Records, seed: int
) -> None:
    events = size("placements.events")
    together = played(postgres_server, redis_url, tmp_path / "together", seed, events, TOGETHER)
    apart = played(postgres_server, redis_url, tmp_path / "apart", seed, events, APART)

    verdict(EXPERIMENT, compared(together, apart), seed=seed, events=events)


def test_a_handler_that_looks_where_it_is_leaves_another_state(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path, verdict: Records, seed: int
) -> None:
    mutant = {MUTANT: "looks_where_it_is"}
    together = played(postgres_server, redis_url, tmp_path / "together", seed, MUTANT_EVENTS, TOGETHER, **mutant)
    apart = played(postgres_server, redis_url, tmp_path / "apart", seed, MUTANT_EVENTS, APART, **mutant)

    verdict(EXPERIMENT, compared(together, apart), seed=seed, mutant=mutant[MUTANT], events=MUTANT_EVENTS)


def played(
    server: DatabaseAddress,
    redis_url: str,
    folder: Path,
    seed: int,
    events: int,
    placement: tuple[str, ...],
    **settings: str,
) -> tuple[str, Verdict]:
    """Play the scenario with a worker for each entry of the placement; the state's hash, and the verdict."""
    quiet_s = MUTANT_QUIET_S if settings else QUIET_S

    async def play(address: DatabaseAddress) -> tuple[str, Verdict]:
        await migrated(address, *CONTEXTS)
        async with laboratory(address, redis_url, folder, **settings) as bench:
            for contexts in placement:
                bench.supervisor.worker(HEDGEROW_CONTEXTS=contexts)
            await bench.supervisor.ready()
            load = Load(seed)
            await load.publish(bench.source, events)
            await bench.settled(load.history, within_s=DRAINED_WITHIN_S, quiet_s=quiet_s)
            found, _history = await bench.judged(load.history)
            return await state_of(bench), found

    folder.mkdir()
    with database_for_test(server) as address:
        return asyncio.run(play(address))


async def state_of(bench: Bench) -> str:
    """The hash of all that both contexts hold."""
    digest = hashlib.sha256()
    for statement in STATE:
        for row in await bench.query(statement):
            digest.update(repr(tuple(row)).encode())
        digest.update(b"\x00")
    return digest.hexdigest()[:16]


def compared(together: tuple[str, Verdict], apart: tuple[str, Verdict]) -> Measured:
    """Both states must be equal, and right."""
    same = together[0] == apart[0]
    line = f"together {together[0]}, apart {apart[0]}; together {together[1]}; apart {apart[1]}"
    return Measured(same and together[1].clean and apart[1].clean, line)
