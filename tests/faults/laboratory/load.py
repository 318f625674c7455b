"""Publishes marks: straight into the outbox through the product's unit of work, or over HTTP.

One writer a key at a time, so that the numbers of a key grow in the order of its commits; every answer is noted.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import UUID

import httpx

from hedgerow_core.domain import DomainError, SystemClock
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from tests.faults.laboratory.checker import Answer, Publish
from tests.faults.laboratory.contexts.lab_source import SourceWork

WRITERS = 4
PER_COMMIT = 5
"""Marks of different keys in one transaction: what makes a million events affordable."""
ROLLED_BACK = 0.03
TRY_AGAIN_AFTER_S = 0.05
GIVE_UP_AFTER_S = 60.0


@dataclass(slots=True)
class Load:
    """Writers that share the keys among them. `history` grows while they write."""

    seed: int
    keys: int = 40
    history: list[Publish] = field(default_factory=list)
    numbers: dict[UUID, int] = field(default_factory=dict)
    """The latest number of each key that is surely committed."""

    async def publish(self, database: Database, events: int, *, per_second: float | None = None) -> None:
        """Commit about so many events. Goes on over several calls where the last one ended."""
        shares = self._shares()
        async with asyncio.TaskGroup() as writers:
            for nth, keys in enumerate(shares):
                dice = random.Random(f"{self.seed}/{nth}/{len(self.history)}")
                pause_s = PER_COMMIT * len(shares) / per_second if per_second else 0.0
                writers.create_task(self._write(database, keys, events // len(shares), dice, pause_s))

    async def _write(
        self, database: Database, keys: Sequence[UUID], events: int, dice: random.Random, pause_s: float
    ) -> None:
        left = events
        while left > 0:
            chosen = dice.sample(keys, min(PER_COMMIT, len(keys), left))
            answer = await self._commit(database, chosen, rolls_back=dice.random() < ROLLED_BACK)
            left -= len(chosen) if answer is Answer.ACKNOWLEDGED else 0
            await asyncio.sleep(pause_s * dice.uniform(0.5, 1.5))

    async def _commit(self, database: Database, keys: Sequence[UUID], *, rolls_back: bool) -> Answer:
        marks = [(key, self.numbers.get(key, 0) + 1) for key in keys]
        answer = Answer.REFUSED
        try:
            async with unit_of_work(database, lambda c: SourceWork(c, clock=SystemClock()), _nobody) as work:
                for key, number in marks:
                    await work.mark(key, number)
                if rolls_back:
                    raise _RolledBackError
            answer = Answer.ACKNOWLEDGED
        except _RolledBackError:
            pass
        if answer is Answer.ACKNOWLEDGED:
            self.history += [Publish(key, number, answer) for key, number in marks]
            self.numbers |= dict(marks)
        return answer

    async def publish_over_http(self, client: httpx.AsyncClient, events: int) -> None:
        """Commit about so many events by requests of which any may fail, or succeed without an answer."""
        shares = self._shares()
        async with asyncio.TaskGroup() as writers:
            for keys in shares:
                writers.create_task(self._request(client, keys, events // len(shares)))

    async def _request(self, client: httpx.AsyncClient, keys: Sequence[UUID], events: int) -> None:
        for nth in range(events):
            key = keys[nth % len(keys)]
            number = self.numbers.get(key, 0) + 1
            give_up_at = time.monotonic() + GIVE_UP_AFTER_S
            while (answer := await _asked(client, key, number)) is Answer.UNKNOWN:
                assert time.monotonic() < give_up_at, "the API never came back"
                self.history.append(Publish(key, number, answer))
                await asyncio.sleep(TRY_AGAIN_AFTER_S)
            self.history.append(Publish(key, number, answer))
            self.numbers[key] = number

    def _shares(self) -> list[list[UUID]]:
        dice = random.Random(self.seed)
        keys = [UUID(int=dice.getrandbits(128), version=4) for _ in range(self.keys)]
        return [keys[nth::WRITERS] for nth in range(WRITERS)]


async def _asked(client: httpx.AsyncClient, key: UUID, number: int) -> Answer:
    """A conflict after an unknown answer says that the number is taken: by us, as nobody else writes this key."""
    try:
        told = await client.post("/v1/source/marks", json={"key": str(key), "number": number})
    except httpx.TransportError:
        return Answer.UNKNOWN
    if told.status_code == HTTPStatus.CREATED or (
        told.status_code == HTTPStatus.CONFLICT and told.json()["code"] == "source.not_next"
    ):
        return Answer.ACKNOWLEDGED
    return Answer.UNKNOWN


class _RolledBackError(DomainError):
    def __init__(self) -> None:
        super().__init__("rolled back on purpose", code="laboratory.rolled_back")


def _nobody() -> None:
    """No relay runs in this process."""
