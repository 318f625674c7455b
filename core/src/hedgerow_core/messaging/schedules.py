"""Schedules: tasks that come with the clock. Every tick makes one task, however many workers look at the clock.

The clock is the database's. Whoever locks a schedule's row enqueues what is due and moves the row on; the task's
key names the tick, so that even a second attempt at it enqueues nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice, takewhile
from uuid import UUID
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import Boolean, DateTime, Text, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Cause, Task, caused_by
from hedgerow_core.domain import Clock, ConflictError, UnavailableError, new_id
from hedgerow_core.messaging.work import RecordedTasks
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import SCHEDULE_TICKS, SCHEDULE_TICKS_LATE
from hedgerow_core.observability.tracing import scheduling, trace_id_in
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.failures import speaking_plainly

ON_TIME = timedelta(seconds=60)
"""A tick that is noticed later than this was missed: what becomes of it is up to the catch-up policy."""
TICKS_A_STEP = 1_000
"""What is made up for at once, so that a year of missed seconds does not become one transaction."""
LOOK_EVERY_S = 1.0
FAILED_AGAIN_AFTER_S = 30.0
"""A schedule that could not make its task tries again then, and nobody else waits for it."""

_log = log_of(__name__)


class CatchUp(Enum):
    """What becomes of the ticks that passed while nobody was there."""

    SKIP = "skip"
    ONCE = "once"
    """One task, for the latest of them."""
    ALL = "all"
    """One task for each of them, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A task for every tick of a cron expression.

    `name` is its key in the ledger (`billing.close_day`): never rename it. `task` makes the task of a tick, and is
    given the moment of the tick.
    """

    name: str
    cron: str
    """Five fields, or six with seconds first, as in cron(8): `0 3 * * *` is every day at three."""
    task: Callable[[datetime], Task]
    zone: str = "UTC"
    """IANA name of the zone whose wall clock the fields mean; Debian's rules for clock changes hold."""
    catch_up: CatchUp = CatchUp.ONCE

    def __post_init__(self) -> None:
        """Look at the expression and the zone.

        Raises:
            ValueError: one of them means nothing.
        """
        try:
            next(self.ticks_after(datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))))
        except Exception as error:
            raise ValueError(f"the schedule {self.name} ({self.definition}) is not readable: {error}") from error

    @property
    def definition(self) -> str:
        """What its ticks follow from."""
        return f"{self.cron} {self.zone}"

    def ticks_after(self, moment: datetime) -> Iterator[datetime]:
        """Its ticks, beginning with the first one after the moment, without end."""
        return CronSim(self.cron, moment.astimezone(ZoneInfo(self.zone)))

    def next_after(self, moment: datetime) -> datetime:
        """The first tick after the moment."""
        return next(self.ticks_after(moment))

    def due(self, first: datetime, now: datetime) -> list[datetime]:
        """The ticks that make a task now. `first` is the oldest that has made none; `TICKS_A_STEP` at most."""
        just_before = timedelta(microseconds=1)
        if self.catch_up is CatchUp.ALL:
            return self._ticks(first - just_before, now)
        limit = now - ON_TIME
        on_time = self._ticks(max(first - just_before, limit), now)
        if self.catch_up is CatchUp.SKIP:
            return on_time
        up_to_limit = (limit + just_before).astimezone(ZoneInfo(self.zone))
        latest_missed = next(CronSim(self.cron, up_to_limit, reverse=True))
        return [latest_missed, *on_time] if latest_missed >= first else on_time

    def late(self, first: datetime, now: datetime) -> int:
        """How many ticks from `first` on are noticed too late; counted up to `TICKS_A_STEP`."""
        return len(self._ticks(first - timedelta(microseconds=1), now - ON_TIME))

    def _ticks(self, after: datetime, until: datetime) -> list[datetime]:
        return list(islice(takewhile(lambda tick: tick <= until, self.ticks_after(after)), TICKS_A_STEP))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRecord:
    """A schedule as it stands in the ledger."""

    name: str
    cron: str
    zone: str
    catch_up: str
    next_at: datetime | None
    """None until a worker has seen it."""
    last_at: datetime | None
    """Its latest tick that made a task."""


_OPEN = text(
    """
    INSERT INTO schedules (name, definition, next_at)
    SELECT * FROM unnest(:names, :definitions, :next)
    ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, next_at = excluded.next_at
    WHERE schedules.definition <> excluded.definition
    """
).bindparams(
    bindparam("names", type_=ARRAY(Text)),
    bindparam("definitions", type_=ARRAY(Text)),
    bindparam("next", type_=ARRAY(DateTime(timezone=True))),
)

_IS_DUE = text("SELECT EXISTS (SELECT FROM schedules WHERE next_at <= clock_timestamp())").columns(
    column("is_due", Boolean)
)

# An older or newer build may know the schedule by another definition: each moves what it understands.
_LOCK_DUE = text(
    """
    SELECT name, next_at, clock_timestamp() AS now FROM schedules
    WHERE next_at <= clock_timestamp()
      AND (name, definition) IN (SELECT * FROM unnest(:names, :definitions))
    FOR UPDATE SKIP LOCKED
    """
).bindparams(bindparam("names", type_=ARRAY(Text)), bindparam("definitions", type_=ARRAY(Text)))

_MOVE = text(
    "UPDATE schedules SET next_at = :next_at, last_at = coalesce(:last_at, last_at) WHERE name = :name"
).bindparams(bindparam("last_at", type_=DateTime(timezone=True)))

_LIST = text("SELECT name, next_at, last_at FROM schedules")
_NOW = text("SELECT clock_timestamp()")


class Scheduler:
    """Watches the schedules of one context. Runs in every worker."""

    def __init__(self, database: Database, schedules: Sequence[Schedule], clock: Clock) -> None:
        self._database = database
        self._schedules = {schedule.name: schedule for schedule in schedules}
        self._definitions = {
            "names": list(self._schedules),
            "definitions": [schedule.definition for schedule in schedules],
        }
        self._clock = clock
        self._look_at = 0.0
        self._failed_until: dict[str, float] = {}

    async def open(self) -> None:
        """Make the schedules known to the ledger. One that is new, or was changed, begins with its next tick."""
        async with self._database.transaction() as connection:
            now = (await connection.execute(_NOW)).scalar_one()
            next_ticks = [schedule.next_after(now) for schedule in self._schedules.values()]
            await connection.execute(_OPEN, {**self._definitions, "next": next_ticks})

    async def step(self) -> None:
        """Enqueue the tasks of all ticks that are due; looks once a second at most.

        Raises:
            UnavailableError: the database is away.
        """
        if not self._schedules or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_EVERY_S
        if not (await self._database.rows(_IS_DUE, {}))[0].is_due:
            return
        made: dict[str, int] = {}
        late: dict[str, int] = {}
        async with self._database.transaction() as connection:
            for row in (await connection.execute(_LOCK_DUE, self._definitions)).all():
                schedule = self._schedules[row.name]
                ticks = await self._tried(connection, schedule, row.next_at, row.now)
                if ticks is not None:
                    late[row.name] = schedule.late(row.next_at, row.now)
                    made[row.name] = ticks
        for name, ticks in made.items():
            SCHEDULE_TICKS.labels(self._database.context, name).inc(ticks)
            SCHEDULE_TICKS_LATE.labels(self._database.context, name).inc(late[name])

    async def _tried(
        self, connection: AsyncConnection, schedule: Schedule, first: datetime, now: datetime
    ) -> int | None:
        """Enqueue what is due, and return how many; None if its task can't be made, which concerns no other one."""
        if time.monotonic() < self._failed_until.get(schedule.name, 0.0):
            return None
        try:
            due = [(tick, schedule.task(tick)) for tick in schedule.due(first, now)]
        except Exception:
            self._fail(schedule)
            return None
        try:
            with speaking_plainly({}):
                async with connection.begin_nested():
                    await self._tick(connection, schedule, due, first, now)
        except (UnavailableError, ConflictError):  # of the database
            raise
        except Exception:  # the ledger does not take the task
            self._fail(schedule)
            return None
        return len(due)

    def _fail(self, schedule: Schedule) -> None:
        self._failed_until[schedule.name] = time.monotonic() + FAILED_AGAIN_AFTER_S
        _log.exception("schedule_failed", schedule=schedule.name)

    async def _tick(
        self,
        connection: AsyncConnection,
        schedule: Schedule,
        due: Sequence[tuple[datetime, Task]],
        first: datetime,
        now: datetime,
    ) -> None:
        """Enqueue what is due, and move the schedule on."""
        for tick, task in due:
            with scheduling(schedule.name) as traceparent:
                cause = Cause(traceparent=traceparent, correlation_id=trace_id_in(traceparent))
                key = tick.isoformat()
                await _enqueue(
                    connection, schedule, task, key, cause, context=self._database.context, clock=self._clock
                )
        last = due[-1][0] if due else None
        next_at = schedule.next_after(now if last is None or len(due) < TICKS_A_STEP else last)
        await connection.execute(_MOVE, {"name": schedule.name, "next_at": next_at, "last_at": last})
        if not due:
            _log.warning("ticks_skipped", schedule=schedule.name, since=first.isoformat())


async def run_now(connection: AsyncConnection, schedule: Schedule, *, context: str, clock: Clock, by: str) -> UUID:
    """Record the task of this very moment, beside those of the ticks; returns its id."""
    now = (await connection.execute(_NOW)).scalar_one()
    return await _enqueue(
        connection, schedule, schedule.task(now), str(new_id()), Cause(actor=by), context=context, clock=clock
    )


async def _enqueue(
    connection: AsyncConnection,
    schedule: Schedule,
    task: Task,
    key: str,
    cause: Cause,
    *,
    context: str,
    clock: Clock,
) -> UUID:
    with caused_by(cause):
        tasks = RecordedTasks(connection, context, clock)
        return await tasks.enqueue(task, key=f"{schedule.name}@{key}")


async def listed(connection: AsyncConnection, schedules: Sequence[Schedule]) -> list[ScheduleRecord]:
    """The declared schedules, with their last and next ticks, by name."""
    known = {row.name: row for row in await connection.execute(_LIST)}
    return [
        ScheduleRecord(
            name=schedule.name,
            cron=schedule.cron,
            zone=schedule.zone,
            catch_up=schedule.catch_up.value,
            next_at=known[schedule.name].next_at if schedule.name in known else None,
            last_at=known[schedule.name].last_at if schedule.name in known else None,
        )
        for schedule in sorted(schedules, key=lambda schedule: schedule.name)
    ]
