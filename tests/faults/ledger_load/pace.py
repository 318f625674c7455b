"""A publisher that keeps a pace, and how long its events took from their commit to their effect."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from sqlalchemy import text

from tests.faults.laboratory.checker import Answer, Publish
from tests.faults.ledger_load.stage import Stage
from tests.faults.ledger_load.writers import Connection, publish

WRITERS = 4
# When a handler's transaction is about to commit, in seconds since 1970; publisher and database share a clock.
_EFFECTIVE = text(
    "SELECT event_id, extract(epoch FROM completed_at)::float8 FROM deliveries WHERE state = 'completed'"
)

_NEXT_NUMBER = "UPDATE marks SET version = version + 1 WHERE key = $1 RETURNING version"


def healthy(_nth: int) -> str:
    """Nobody suffers."""
    return ""


@dataclass(slots=True)
class Pace:
    """Publishes `rate` events a second on random keys, one a transaction."""

    stage: Stage
    seed: int
    rate: float
    keys: int = 200
    ills: Callable[[int], str] = healthy
    """What the handler of the nth event shall suffer from."""
    published: list[Publish] = field(default_factory=list)
    committed_at: dict[UUID, float] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    """How long each publishing transaction took."""
    ill: dict[UUID, str] = field(default_factory=dict)
    _known: list[UUID] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Keep the pace for so long; what comes late is made up for."""
        connections = [await self.stage.writer() for _ in range(WRITERS)]
        if not self._known:
            self._known = [uuid4() for _ in range(self.keys)]
            await connections[0].executemany("INSERT INTO marks VALUES ($1, 0)", [(key,) for key in self._known])
        began, dice = time.monotonic(), random.Random(self.seed)
        ticks = iter(range(int(self.rate * seconds)))
        async with asyncio.TaskGroup() as writers:
            for connection in connections:
                writers.create_task(self._write(connection, ticks, began, dice))
        for connection in connections:
            await connection.close()

    async def _write(self, connection: Connection, ticks: Iterator[int], began: float, dice: random.Random) -> None:
        for tick in ticks:
            await asyncio.sleep(max(0.0, began + tick / self.rate - time.monotonic()))
            key, ill, started = dice.choice(self._known), self.ills(len(self.published)), time.monotonic()
            async with connection.transaction():
                number = await connection.fetchval(_NEXT_NUMBER, key)
                event_id = await publish(connection, key, number, ill=ill)
            self.committed_at[event_id] = time.time()
            self.took_s.append(time.monotonic() - started)
            self.published.append(Publish(key, number, Answer.ACKNOWLEDGED, event_id))
            if ill:
                self.ill[event_id] = ill


async def delays(stage: Stage, committed_at: Mapping[UUID, float]) -> dict[UUID, float]:
    """Seconds from commit to effect, by event."""
    async with stage.sink.reading() as connection:
        rows = await connection.execute(_EFFECTIVE)
        return {id: max(0.0, at - committed_at[id]) for id, at in rows if id in committed_at}


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def in_ms(values: Sequence[float]) -> dict[str, str]:
    """What a verdict line says of latencies."""
    return {f"p{round(share * 100)}": f"{quantile(values, share) * 1000:.0f} ms" for share in (0.5, 0.99)}
