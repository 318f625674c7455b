"""Experiment 45: two releases run together while their schema expands and contracts, and nobody notices."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import asyncpg
import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.releases import (
    LOCK_FOR_LONG,
    RENAME_AT_ONCE,
    install_release,
    watched_locks,
)
from tests.faults.laboratory.servers import plain_url
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.laboratory.supervisor import Supervisor
from tests.processes import Process

BOOKS = 20_000
READERS = 4
PAUSE_S = 0.005
BATCH = 2_000
LONGEST_S = 1.0
CHAIN = (1, 2, 3, 4)
HALVES = ((1, 2), (3, 4))
"""Expanding, and contracting: one of them is what the short tier has time for."""
WITHOUT_TITLES = 3
"""The first release that reads names alone: until then a task has carried all of them over."""
MUTANTS = {"renames at once": RENAME_AT_ONCE, "locks for long": LOCK_FOR_LONG}

_FILL = "INSERT INTO shelf.books SELECT gen_random_uuid(), 'book ' || n FROM generate_series(1, $1::int) n"
_CARRY = """
    UPDATE shelf.books SET name = title WHERE id IN (
        SELECT id FROM shelf.books WHERE name IS NULL LIMIT $1)
"""


@dataclass(slots=True)
class Fleet:
    """The hosts that run, each of some release, and what they have answered."""

    supervisor: Supervisor
    settings: dict[int, dict[str, str]]
    running: dict[int, tuple[Process, httpx.AsyncClient]] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    busy: Counter[int] = field(default_factory=Counter)

    async def migrate(self, release: int) -> None:
        """As a release is rolled out: first its migrations."""
        process = self.supervisor.start("migrate", **self.settings[release])
        assert await self.supervisor.died(process, "migrating") == 0, process.output

    async def start(self, release: int) -> None:
        """Then its hosts."""
        port = free_port()
        process = await self.supervisor.api(port, **self.settings[release])
        self.running[release] = process, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)

    async def stop(self, release: int) -> None:
        """And those of before are drained and end."""
        process, client = self.running.pop(release)
        while self.busy[release]:  # noqa: ASYNC110
            await asyncio.sleep(PAUSE_S)
        await client.aclose()
        await asyncio.to_thread(process.end)

    @asynccontextmanager
    async def load(self, seed: int) -> AsyncIterator[None]:
        """Meanwhile, readers add books at whichever host there is."""
        done = asyncio.Event()

        async def read(dice: random.Random) -> None:
            while not done.is_set():
                release = dice.choice(list(self.running))
                self.busy[release] += 1
                try:
                    answer = await self.running[release][1].post("/v1/shelf/books", json={"said": "Hawthorn"})
                    self.answers[answer.status_code] += 1
                finally:
                    self.busy[release] -= 1
                await asyncio.sleep(PAUSE_S)

        async with asyncio.TaskGroup() as readers:
            for nth in range(READERS):
                readers.create_task(read(random.Random(f"{seed}/{nth}")))
            try:
                yield
            finally:
                done.set()


async def carried_over(database: asyncpg.Connection, release: int) -> None:
    """What a task of the release before has done, in batches."""
    while release == WITHOUT_TITLES and await database.execute(_CARRY, BATCH) != "UPDATE 0":
        pass


@pytest.mark.parametrize("mutant", with_twins(*MUTANTS))
async def test_a_release_and_the_one_before_it_share_a_schema_that_changes(
    fresh_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    url, seconds = plain_url(fresh_database), size("two_releases.seconds")
    chain = CHAIN if LONG else random.Random(seed).choice(HALVES)
    chain = CHAIN[:2] if mutant else chain
    settings = {release: install_release(tmp_path, release, MUTANTS.get(mutant or "", {})) for release in chain}
    if mutant == "renames at once":
        settings[2]["LAB_SHELF_RELEASE"] = "4"  # which says name, and nothing else
    environment = {"HEDGEROW_DATABASE_URL": url, "HEDGEROW_BROKER_URL": redis_url}
    with Supervisor(tmp_path, environment) as supervisor:
        fleet = Fleet(supervisor, settings)
        await fleet.migrate(chain[0])
        database = await asyncpg.connect(url)
        await database.execute(_FILL, BOOKS)
        await carried_over(database, chain[0])
        await fleet.start(chain[0])
        async with fleet.load(seed), watched_locks(url) as locks:
            for before, after in pairwise(chain):
                await carried_over(database, after)
                await fleet.migrate(after)
                await fleet.start(after)
                await asyncio.sleep(seconds)
                await fleet.stop(before)
        await database.close()

    failed = sum(count for code, count in fleet.answers.items() if code >= httpx.codes.INTERNAL_SERVER_ERROR)
    line = (
        f"{fleet.answers.total()} requests while releases {chain} followed each other: {failed} of 5xx; "
        f"nobody waited behind a lock for longer than {locks.longest_s * 1000:.0f} ms"
    )
    clean = not failed and locks.longest_s <= LONGEST_S and fleet.answers[httpx.codes.CREATED] > 0
    verdict("45 two releases", Measured(clean, line), seed=seed, mutant=mutant)
