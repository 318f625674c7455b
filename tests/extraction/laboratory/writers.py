"""Who writes to a context that moves: refused at one side, they try the other one, as behind a front that flips."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.exc import ProgrammingError

from hedgerow_core.domain import ConflictError, SystemClock, UnavailableError
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import ContextIsMoving, Database, DatabaseAddress
from tests.faults.laboratory.contexts.lab_source import TASK_EVERY, SourceWork
from tests.faults.laboratory.sizes import LONG

KEYS_EACH = 5 if LONG else 1
QUICKLY_S = 0.01
PAUSE_S = QUICKLY_S if LONG else 0.25
"""Between two commits of a writer. In the short tier, too, they write all the time, but not all that they could: a
commit has effects, which take ten times as long. Fewer keys, so that some still come to be counted."""
TRY_AGAIN_AFTER_S = 0.02 if LONG else 0.2
"""Whoever tries again connects anew, which is dear."""
ROLLED_BACK = 0.1


class _RolledBackError(Exception):
    pass


@dataclass(slots=True)
class Writers:
    """Each writes its own keys, one number after the other, so that it knows what must be there."""

    source: DatabaseAddress
    target: DatabaseAddress
    seed: int
    count: int = 4
    pause_s: float = PAUSE_S
    published: list[tuple[UUID, int]] = field(default_factory=list)
    longest_gap_s: float = 0.0
    """Between two commits of a writer, the longest."""
    refused: int = 0
    at_target: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tasks(self) -> list[tuple[UUID, int]]:
        """What must have been counted."""
        return [(key, number) for key, number in self.published if number % TASK_EVERY == 0]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writers]:
        """They write while the body runs."""
        self._stopping.clear()
        async with asyncio.TaskGroup() as group:
            for nth in range(self.count):
                group.create_task(self._connected(nth))
            try:
                yield self
            finally:
                self._stopping.set()

    async def some(self, commits: int) -> None:
        """Wait until so many more have been written."""
        enough = len(self.published) + commits
        async with asyncio.timeout(60):
            while len(self.published) < enough:  # noqa: ASYNC110 - any of them may be the last
                await asyncio.sleep(0.01)

    async def at_the_target(self, commits: int) -> None:
        """Wait until so many more have been written there."""
        enough = self.at_target + commits
        async with asyncio.timeout(60):
            while self.at_target < enough:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _connected(self, nth: int) -> None:
        databases = [Database(address, "source") for address in (self.source, self.target)]
        try:
            await self._write(nth, databases)
        finally:
            for database in databases:
                await database.close()

    async def _write(self, nth: int, databases: list[Database]) -> None:
        dice = random.Random(f"{self.seed}/{nth}/{len(self.published)}")
        keys = [
            UUID(int=random.Random(f"{self.seed}/{nth}/{k}").getrandbits(128), version=4) for k in range(KEYS_EACH)
        ]
        numbers = {key: max((n for k, n in self.published if k == key), default=0) for key in keys}
        side, last, unsure = 0, time.monotonic(), None
        while not self._stopping.is_set():
            key = dice.choice(keys)
            if unsure is not None:
                key = unsure
            try:
                await self._commit(
                    databases[side],
                    key,
                    numbers[key] + 1,
                    rolls_back=unsure is None and dice.random() < ROLLED_BACK,
                )
            except _RolledBackError:
                continue
            except ConflictError:  # the number is taken: by us, when nobody told us what became of it
                assert unsure is not None
            except (ContextIsMoving, ProgrammingError):  # the target may have no tables yet, or none any more
                self.refused += 1
                await databases[side].close()  # nobody is to be seen there who has gone
                side = 1 - side
                await asyncio.sleep(TRY_AGAIN_AFTER_S)
                continue
            except UnavailableError:  # a machine that is busy may not answer in time
                unsure = key
                await asyncio.sleep(TRY_AGAIN_AFTER_S)
                continue
            unsure = None
            numbers[key] += 1
            self.published.append((key, numbers[key]))
            self.at_target += side
            self.longest_gap_s = max(self.longest_gap_s, time.monotonic() - last)
            last = time.monotonic()
            await asyncio.sleep(self.pause_s * dice.uniform(0.2, 1.8))

    async def _commit(self, database: Database, key: UUID, number: int, *, rolls_back: bool) -> None:
        async with unit_of_work(database, lambda c: SourceWork(c, clock=SystemClock()), lambda: None) as work:
            await work.mark(key, number)
            if rolls_back:
                await work.flush()
                raise _RolledBackError
