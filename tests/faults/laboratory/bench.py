"""A laboratory: both contexts on a database of their own, the processes on it, and what they left behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import asyncpg

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import (
    ContextMigrations,
    Database,
    DatabaseAddress,
    MigrationHistory,
    MigrationRunner,
)
from tests.faults.laboratory.checker import Answer, Effect, Publish, Verdict, judge
from tests.faults.laboratory.contexts.lab_sink import NOTE
from tests.faults.laboratory.contexts.lab_source import COUNT, HEAR, TASK_EVERY
from tests.faults.laboratory.servers import connected, plain_url
from tests.faults.laboratory.supervisor import Supervisor

ROOT = Path(__file__).parents[3]
CODE = Path(__file__).parent / "contexts"
CONTEXTS = ("source", "sink")

_EFFECTS = {
    NOTE: "SELECT event_id, key, number FROM sink.effects ORDER BY id",
    HEAR: "SELECT event_id, key, number FROM source.effects ORDER BY id",
    # A task has no event, and waits for no other: the event that recorded it stands for both id and key.
    COUNT: "SELECT id, id, 1 FROM (SELECT md5(key::text || number)::uuid AS id FROM source.counted) tasks",
}
# What `sink` published is read from its outbox: an effect missing there must not count once more behind it.
_NOTED = """
    SELECT event_id, (payload->>'key')::uuid AS key, (payload->>'number')::int AS number FROM sink.outbox
    WHERE type = 'sink.noted' ORDER BY id
"""
_MARKED = _NOTED.replace("sink", "source").replace("noted", "marked")
_UNFINISHED = """
    SELECT CASE WHEN subscription = 'source.count_tenth'
        THEN md5((payload->>'key') || (payload->>'number'))::uuid ELSE event_id END AS id
    FROM {context}.deliveries WHERE state NOT IN ('completed', 'discarded')
"""
_COUNTED = tuple(f"SELECT count(*) FROM {table}" for table in ("sink.effects", "source.effects", "source.counted"))


@dataclass(frozen=True, slots=True)
class Bench:
    """Where an experiment takes place."""

    address: DatabaseAddress
    source: Database
    supervisor: Supervisor

    async def query(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """What an operator would see with psql."""
        async with connected(self.address_of(sql)) as connection:
            return list(await connection.fetch(sql, *values))

    def address_of(self, sql: str) -> DatabaseAddress:
        """Where a statement's tables are."""
        return self.address

    async def settled(self, history: Iterable[Publish], *, within_s: float, quiet_s: float) -> float:
        """Wait until all effects are there, or nothing has moved for `quiet_s`. Returns after how many seconds."""
        started = moved_at = time.monotonic()
        numbers = {(publish.key, publish.number) for publish in history}
        wanted = (len(numbers), len(numbers), sum(number % TASK_EVERY == 0 for _key, number in numbers))
        before: tuple[int, ...] = ()
        async with AsyncExitStack() as stack:
            ask = {sql: await stack.enter_async_context(connected(self.address_of(sql))) for sql in _COUNTED}
            while True:
                now = tuple([await connection.fetchval(sql) for sql, connection in ask.items()])
                if all(have >= want for have, want in zip(now, wanted, strict=True)):
                    return time.monotonic() - started
                moved_at = time.monotonic() if now != before else moved_at
                before = now
                if time.monotonic() - moved_at > quiet_s or time.monotonic() - started > within_s:
                    return time.monotonic() - started
                await asyncio.sleep(0.1)

    async def effects(self) -> dict[str, list[Effect]]:
        """By subscription or task: every effect, in the order of its identity column."""
        return {
            name: [Effect(name, *row) for row in await self.query(statement)]
            for name, statement in _EFFECTS.items()
        }

    async def judged(self, history: list[Publish]) -> tuple[Verdict, list[object]]:
        """The verdict on all that was published, and the history behind it."""
        effects = await self.effects()
        unfinished: set[UUID] = set()
        for context in CONTEXTS:
            unfinished |= {row["id"] for row in await self.query(_UNFINISHED.format(context=context))}
        verdicts = []
        noted = [
            Publish(row["key"], row["number"], Answer.ACKNOWLEDGED, row["event_id"])
            for row in await self.query(_NOTED)
        ]
        # The publisher is not told its events' ids; without them what waits would count as lost.
        ids = {(row["key"], row["number"]): row["event_id"] for row in await self.query(_MARKED)}
        marked = [replace(each, event_id=ids.get((each.key, each.number))) for each in history]
        expected = {NOTE: marked, COUNT: _tasks_of(history), HEAR: noted}
        for name, theirs in effects.items():
            verdicts.append(judge(expected[name], theirs, subscriptions=[name], unfinished=unfinished))
        return _sum(verdicts), [*history, *(effect for theirs in effects.values() for effect in theirs)]


def _tasks_of(history: Iterable[Publish]) -> list[Publish]:
    tenths = [each for each in history if each.number % TASK_EVERY == 0]
    ids = [UUID(hashlib.md5(f"{each.key}{each.number}".encode()).hexdigest()) for each in tenths]
    return [Publish(id, 1, each.answer, id) for id, each in zip(ids, tenths, strict=True)]


def _sum(verdicts: list[Verdict]) -> Verdict:
    names = ("ok", "lost", "ghost", "duplicate", "reordered", "stuck")
    return Verdict(**{name: sum(getattr(verdict, name) for verdict in verdicts) for name in names})


def install_contexts(folder: Path) -> None:
    """Make both contexts known to children, as an installed distribution would; the code stays where it is."""
    for name in CONTEXTS:
        metadata = folder / f"lab_{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: lab-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[hedgerow.contexts]\n{name} = lab_{name}\n")


def history_of(context: str) -> MigrationHistory:
    """The migrations of a context of the laboratory, beside those of the ledger."""
    return MigrationHistory(f"tests.faults.laboratory.contexts.lab_{context}.migrations")


async def migrated(address: DatabaseAddress, *contexts: str) -> None:
    """Make the schemas of these contexts of the laboratory."""
    runner = MigrationRunner(address, [ContextMigrations(name, [LEDGER, history_of(name)]) for name in contexts])
    await runner.apply()


def python_path(folder: Path) -> str:
    """Where children find what is installed in `folder`, its code, and ours."""
    return os.pathsep.join(map(str, (folder, CODE, ROOT, os.environ.get("PYTHONPATH", ""))))


@asynccontextmanager
async def laboratory(
    address: DatabaseAddress, broker_url: str, folder: Path, *, through: str | None = None, **settings: str
) -> AsyncIterator[Bench]:
    """A supervisor on a migrated database; `through` is the address that children see instead, of a proxy."""
    install_contexts(folder)
    environment: Mapping[str, str] = {
        "HEDGEROW_DATABASE_URL": through or plain_url(address),
        "HEDGEROW_BROKER_URL": broker_url,
        "HEDGEROW_CONTEXTS": ",".join(CONTEXTS),
        "PYTHONPATH": python_path(folder),
        **settings,
    }
    source = Database(address, "source")
    try:
        with Supervisor(folder, environment) as supervisor:
            yield Bench(address, source, supervisor)
    finally:
        await source.close()
