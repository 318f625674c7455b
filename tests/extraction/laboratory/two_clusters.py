"""A context that moves from one PostgreSQL to another, with everybody who works on it meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.extraction.laboratory.writers import Writers
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.child import CRASH_POINT
from tests.faults.laboratory.crash_points import KILLED
from tests.faults.laboratory.servers import connected, plain_url
from tests.processes import Process

MOVED = "source"
SETTLED_WITHIN_S = 60.0

_MARKED = """
    SELECT (payload->>'key')::uuid AS key, (payload->>'number')::int AS number FROM source.outbox
    WHERE type = 'source.marked' ORDER BY id
"""
_COUNTED = "SELECT key, number FROM source.counted"
_UNDONE = "SELECT count(*) FROM source.deliveries WHERE state NOT IN ('completed', 'discarded')"
_COUNTED_ATTEMPTS = """
    SELECT count(*) FROM source.deliveries
    WHERE subscription = 'source.count_tenth' AND (attempts > 1 OR errors <> '[]')
"""


@dataclass(frozen=True, slots=True)
class Moving:
    """The source's bench, the target, and how to run the mover."""

    bench: Bench
    source: DatabaseAddress
    target: DatabaseAddress
    port: int
    """Of the new host."""

    def extract(self, verb: str, *arguments: str, dies_at: str | None = None, **settings: str) -> Process:
        """Start the mover; it may be told where to die, as by SIGKILL."""
        point = {CRASH_POINT: dies_at} if dies_at else {}
        to = ("--to", plain_url(self.target))
        return self.bench.supervisor.start("extract", verb, MOVED, *to, *arguments, **point, **settings)

    async def run(self, through: str, *arguments: str, dies_at: str | None = None, **settings: str) -> Process:
        """Run the mover to its end, or to its death."""
        new_host = ("--new-host", f"http://127.0.0.1:{self.port}")
        mover = self.extract("run", "--through", through, *new_host, *arguments, dies_at=dies_at, **settings)
        return await self._ended(mover, dies_at)

    async def roll_back(self, *, dies_at: str | None = None, **settings: str) -> Process:
        """Take the move back, or die over it."""
        return await self._ended(self.extract("rollback", "--yes", dies_at=dies_at, **settings), dies_at)

    async def start_new_host(self, **settings: str) -> list[Process]:
        """An API and a worker on the target, which stand by until it takes writes."""
        api = await self.start_new_api(**settings)
        worker = self.bench.supervisor.worker(**self._there, **settings)
        await asyncio.to_thread(worker.wait_for, "worker_ready")
        return [api, worker]

    async def start_new_api(self, **settings: str) -> Process:
        """One without a worker."""
        return await self.bench.supervisor.api(self.port, **self._there, **settings)

    @property
    def _there(self) -> dict[str, str]:
        return {"HEDGEROW_DATABASE_URL": plain_url(self.target), "HEDGEROW_CONTEXTS": MOVED}

    async def judged(self, side: DatabaseAddress, writers: Writers) -> str:
        """What was lost or doubled, as the side that goes on has it; empty if nothing was."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        async with connected(side) as connection:
            while undone := await connection.fetchval(_UNDONE):
                if time.monotonic() > deadline:
                    return f"{undone} deliveries undone"
                await asyncio.sleep(0.1)
        return await self.compared(side, writers)

    async def compared(self, side: DatabaseAddress, writers: Writers) -> str:
        """The same, without waiting for what is still to be done."""
        published = Counter((row["key"], row["number"]) for row in await rows(side, _MARKED))
        counted = Counter((row["key"], row["number"]) for row in await rows(side, _COUNTED))
        wrong = [
            *_differences("event", Counter(writers.published), published),
            *_differences("effect", Counter(writers.tasks), counted),
        ]
        if again := await value(side, _COUNTED_ATTEMPTS):
            wrong.append(f"{again} tasks were tried again")
        return "; ".join(wrong)

    async def says(self, verb: str, *arguments: str) -> tuple[int, str]:
        """How a verb ended, and what it said."""
        process = self.extract(verb, *arguments)
        return await asyncio.to_thread(process.wait, 60.0), process.output

    async def mover_says(self, through: str, **settings: str) -> tuple[int, str]:
        """How a run of the mover ended, and what it said."""
        new_host = ("--new-host", f"http://127.0.0.1:{self.port}")
        mover = self.extract("run", "--through", through, *new_host, **settings)
        return await asyncio.to_thread(mover.wait, 60.0), mover.output

    async def _ended(self, mover: Process, dies_at: str | None) -> Process:
        code = await asyncio.to_thread(mover.wait, 60.0)
        expected = KILLED if dies_at else 0
        assert code == expected, f"ended with {code}, not {expected} ({dies_at}):\n{mover.output}"
        return mover


def _differences(what: str, expected: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    lost, doubled = expected - found, found - expected
    if lost:
        yield f"{lost.total()} {what}s lost"
    if doubled:
        yield f"{doubled.total()} {what}s doubled"


async def rows(address: DatabaseAddress, sql: str, *values: object) -> list[asyncpg.Record]:
    """What an operator would see with psql."""
    async with connected(address) as connection:
        return list(await connection.fetch(sql, *values))


async def value(address: DatabaseAddress, sql: str, *values: object) -> Any:
    """A single one."""
    return (await rows(address, sql, *values))[0][0]


@asynccontextmanager
async def moving(
    source: DatabaseAddress, target: DatabaseAddress, redis_url: str, folder: Path, **settings: str
) -> AsyncIterator[Moving]:
    """The laboratory's contexts at the source; the target is empty."""
    async with laboratory(source, redis_url, folder, **settings) as bench:
        yield Moving(bench, source, target, free_port())


def rows_now(address: DatabaseAddress, sql: str, *values: object) -> list[asyncpg.Record]:
    """The same for who has no event loop."""
    return asyncio.run(rows(address, sql, *values))
