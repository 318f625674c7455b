"""The heartbeat of a context's ledger in a worker: moves relays and schedules, finds what is due, hints at it.

The dispatcher is the sweeper too. It remembers what it hinted at; if a partition is still due and nobody has
held it since, the hint counts as lost after `RESEND_AFTER_S` and goes out again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging import partitions
from hedgerow_core.messaging.consumers import Consumer
from hedgerow_core.messaging.due import DuePartition, due_now
from hedgerow_core.messaging.hints import Hint, Hints, InProcessHints
from hedgerow_core.messaging.telling import message_of
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import DISPATCHER_WAITS, HINTS_SENT
from hedgerow_core.persistence import Database

POLL_S = 0.03
"""How long a new event or due retry waits at most before it is noticed, while there is something to do."""
IDLE_POLL_S = 0.1
"""The same when there was nothing for `IDLE_AFTER_S`: an idle worker costs a third of the processor time then."""
IDLE_AFTER_S = 2.0
ASLEEP_POLL_S = 0.5
"""The same when there was nothing for `ASLEEP_AFTER_S`. Only the first event after such a silence waits for it."""
ASLEEP_AFTER_S = 30.0
RESEND_AFTER_S = 5.0
"""A lost hint costs at most this much (eventing rule: one sweep interval)."""
LEFT_TO_LEADER_S = 1.0
"""Of several workers the one that carries the events hints at what is due: hints from each of four made an effect
three times as dear as those from one. If nothing moves for so long, the others hint, too; and at what has been due
for `RESEND_AFTER_S` in any case."""
PAUSE_WHEN_AWAY_S = 1.0
STEP_TIMEOUT_S = 30.0
"""A network that went silent raises nothing: what takes longer than this counts as away."""

_log = log_of(__name__)


class Carrier(Protocol):
    """What brings events of one publisher here: a `Relay`, or a `RemoteRelay`."""

    @property
    def leads(self) -> bool | None:
        """Whether it is the one that carries, among those of all workers; None if there is nothing to carry."""
        ...

    async def open(self) -> None:
        """Get ready; called once, when the database is there."""
        ...

    async def step(self) -> bool:
        """Carry what is new, without waiting for anybody but the database; True if there may be more at once."""
        ...

    async def close(self) -> None:
        """Give back what others wait for; called once, at the end."""
        ...


class Chore(Protocol):
    """Something else that a worker does by the clock: schedules, housekeeping. It knows when it is time."""

    async def open(self) -> None:
        """Get ready; called once, when the database is there."""
        ...

    async def step(self) -> None:
        """Do what is due, or nothing; called at every step of the dispatcher."""
        ...


class Dispatcher:
    """Runs for one context in every worker process. It hints at once if it leads, or was nudged; else later."""

    def __init__(
        self,
        database: Database,
        relays: Sequence[Carrier],
        consumers: Mapping[str, Consumer],
        hints: Hints,
        chores: Sequence[Chore] = (),
        *,
        left_to_leader_s: float = LEFT_TO_LEADER_S,
    ) -> None:
        self._database = database
        self._relays = relays
        self._chores = chores
        self._names = list(consumers)
        self._ordered = [name for name, consumer in consumers.items() if consumer.ordered]
        self._hints = hints
        # Hints that stay in the process are followed by nobody else: then every process works on what it finds.
        self._left_to_leader_s = 0.0 if isinstance(hints, InProcessHints) else left_to_leader_s
        self._hinted: dict[tuple[str, int], tuple[int, float]] = {}
        self._due: Mapping[DuePartition, float] = {}
        """What was due when we looked last, and since when."""
        self._moved_at = time.monotonic()
        self._nudged = asyncio.Event()
        self._was_nudged = False
        self._busy_at = time.monotonic()
        self._stopping = False

    def nudge(self) -> None:
        """Something was just committed in this process: look now instead of at the next poll."""
        self._nudged.set()

    def stop(self) -> None:
        """End `run` after the step it is in."""
        self._stopping = True
        self._nudged.set()

    async def run(self) -> None:
        """Work until `stop`. A database or broker that is away is waited for; other failures are logged, too."""
        ready = False
        away = False
        waits = DISPATCHER_WAITS.labels(self._database.context)
        waits.set(0)
        while not self._stopping:
            try:
                if not ready:
                    await self._prepare()
                    ready = True
                async with asyncio.timeout(STEP_TIMEOUT_S):
                    more = await self._step()
            except (UnavailableError, ConnectionError, TimeoutError) as error:
                if not away:
                    _log.warning("dispatcher_waits", context=self._database.context, error=message_of(error))
                    waits.set(1)
                away, more = True, False
                await asyncio.sleep(PAUSE_WHEN_AWAY_S)
            except Exception:
                _log.exception("dispatcher_failed", context=self._database.context)
                more = False
                await asyncio.sleep(PAUSE_WHEN_AWAY_S)
            else:
                if away:
                    _log.info("dispatcher_resumes", context=self._database.context)
                    waits.set(0)
                away = False
            if not more:
                await self._rest()
        if ready:
            await self._give_back()

    async def _prepare(self) -> None:
        for relay in self._relays:
            await relay.open()
        for chore in self._chores:
            await chore.open()
        async with self._database.transaction() as connection:
            await partitions.register(connection, self._names)

    async def _give_back(self) -> None:
        with suppress(UnavailableError):
            for relay in self._relays:
                await relay.close()

    async def _step(self) -> bool:
        for chore in self._chores:
            await chore.step()
        more = False
        for relay in self._relays:
            more = await relay.step() or more
        due = await due_now(self._database, self._names, ordered=self._ordered)
        await self._hint(self._ours_to_hint(due))
        return more

    def _ours_to_hint(self, due: Sequence[DuePartition]) -> list[DuePartition]:
        now, before = time.monotonic(), self._due
        self._due = {where: before.get(where, now) for where in due}
        if self._due.keys() != before.keys():
            self._moved_at = now
        at_once = self._is_first_to_hint() or now - self._moved_at >= self._left_to_leader_s
        return [
            where
            for where in due
            if (at_once or now - self._due[where] > RESEND_AFTER_S) and self._should_hint(where)
        ]

    def _is_first_to_hint(self) -> bool:
        leading = [relay.leads for relay in self._relays if relay.leads is not None]
        return self._was_nudged or not leading or any(leading)

    async def _hint(self, partitions: Sequence[DuePartition]) -> None:
        if not partitions:
            return
        context = self._database.context
        self._busy_at = time.monotonic()
        await self._hints.send(*(Hint(context, where.subscription, where.partition) for where in partitions))
        HINTS_SENT.labels(context).inc(len(partitions))
        for where in partitions:
            self._hinted[where.subscription, where.partition] = (where.token, time.monotonic())

    def _should_hint(self, due: DuePartition) -> bool:
        token, at = self._hinted.get((due.subscription, due.partition), (-1, 0.0))
        return token != due.token or time.monotonic() - at > RESEND_AFTER_S

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), _poll_s(time.monotonic() - self._busy_at))
        self._was_nudged = self._nudged.is_set()
        self._nudged.clear()


def _poll_s(silent_s: float) -> float:
    """How long to rest when there was nothing for so long."""
    if silent_s > ASLEEP_AFTER_S:
        return ASLEEP_POLL_S
    return IDLE_POLL_S if silent_s > IDLE_AFTER_S else POLL_S
