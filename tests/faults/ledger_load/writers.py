"""Writers of `source` that make the relay's life hard: many at once, late commits, roll-backs, keys in dispute.

A transaction takes its number (xid) before it waits for its key, as one does that first records the request; so
xids, ids and commits come in three different orders.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg

from tests.faults.laboratory.checker import Answer, Publish, Verdict
from tests.faults.ledger_load.stage import MARKED, Stage

WRITERS = 16
ROLLED_BACK = 0.10
HELD = 0.05
HELD_S = 0.2
PAUSES_S = (0, 0, 0.002, 0.005)
"""Between writing and committing."""
ROUNDS, COMMITS_A_ROUND = 8, 250
DISPUTED_KEYS = 12
"""Fewer keys: more of them in dispute, so that even a slow machine turns some around."""
MUTANT_QUIET_S = 1.5

_REQUEST = "INSERT INTO requests (writer) VALUES ($1)"
_TAKE_LOCK = "UPDATE marks SET version = version + 1 WHERE key = $1 RETURNING version"
_LOOK = "SELECT version FROM marks WHERE key = $1"
_TAKE_VERSION = "UPDATE marks SET version = version + 1 WHERE key = $1 AND version = $2 RETURNING version"
# What the product's unit of work writes.
_PUBLISH = """
    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at)
    VALUES ($1, $2, 1, 'mark', $3, $4, $5, $6)
"""

Connection = asyncpg.Connection


@dataclass(slots=True)
class Load:
    """Writers over a few keys until so many commits are in."""

    stage: Stage
    seed: int
    commits: int
    keys: int = 24
    written: list[Publish] = field(default_factory=list)

    async def run(self) -> list[Publish]:
        """Write; returns every attempt with its outcome."""
        random_of = random.Random(self.seed)
        keys = [UUID(int=random_of.getrandbits(128), version=4) for _ in range(self.keys)]
        connections = [await self.stage.writer() for _ in range(WRITERS)]
        await connections[0].executemany("INSERT INTO marks VALUES ($1, 0)", [(key,) for key in keys])
        async with asyncio.TaskGroup() as writers:
            for number, connection in enumerate(connections):
                dice = random.Random(f"{self.seed}/{number}")
                writers.create_task(self._write(connection, number, keys, dice))
        for connection in connections:
            await connection.close()
        return self.written

    async def _write(self, connection: Connection, writer: int, keys: Sequence[UUID], dice: random.Random) -> None:
        while len(self.written) * (1 - ROLLED_BACK) < self.commits:
            key, held, early = dice.choice(keys), dice.random() < HELD, dice.random() < 0.5
            take = _under_lock if dice.random() < 0.5 else _under_version
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(_REQUEST, writer)
            if held and early:
                await asyncio.sleep(HELD_S)
            number = await take(connection, key)
            if number is None:
                await transaction.rollback()
                continue
            event_id = await publish(connection, key, number)
            await asyncio.sleep(HELD_S if held and not early else dice.choice(PAUSES_S))
            committed = dice.random() >= ROLLED_BACK
            await (transaction.commit() if committed else transaction.rollback())
            answer = Answer.ACKNOWLEDGED if committed else Answer.REFUSED
            self.written.append(Publish(key, number, answer, event_id))


async def until_it_shows(stage: Stage, seed: int) -> tuple[Verdict, int]:
    """Write in rounds, over few keys, until damage is to be seen; after how many attempts. For mutants."""
    published: list[Publish] = []
    verdict = await stage.judged(published)
    for nth in range(ROUNDS):
        published += await Load(stage, seed + nth, COMMITS_A_ROUND, keys=DISPUTED_KEYS).run()
        await stage.settled(count_committed(published), quiet_s=MUTANT_QUIET_S)
        verdict = await stage.judged(published)
        if not verdict.clean:
            break
    return verdict, len(published)


def count_committed(published: Sequence[Publish]) -> int:
    """How many of them must take effect."""
    return sum(each.answer is Answer.ACKNOWLEDGED for each in published)


async def publish(connection: Connection, key: UUID, number: int, *, ill: str = "") -> UUID:
    """Write one event into the outbox, in the transaction that is open."""
    event_id = uuid4()
    payload = json.dumps({"key": str(key), "number": number, "ill": ill})
    await connection.execute(_PUBLISH, event_id, MARKED, key, number, payload, datetime.now(UTC))
    return event_id


async def _under_lock(connection: Connection, key: UUID) -> int | None:
    number: int = await connection.fetchval(_TAKE_LOCK, key)
    return number


async def _under_version(connection: Connection, key: UUID) -> int | None:
    """None if somebody else was faster."""
    seen = await connection.fetchval(_LOOK, key)
    number: int | None = await connection.fetchval(_TAKE_VERSION, key, seen)
    return number
