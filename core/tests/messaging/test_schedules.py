"""Every tick makes one task, whoever looks at the clock, and what was missed is made up for as declared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from structlog.testing import capture_logs

from hedgerow_core.application import Task
from hedgerow_core.domain import ConflictError, SystemClock
from hedgerow_core.messaging import CatchUp, Schedule, Scheduler, schedules
from hedgerow_core.messaging.schedules import TICKS_A_STEP, listed, run_now
from hedgerow_core.persistence import Database

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseHour(Task):
    name: ClassVar[str] = "books.close_hour"
    at: datetime


def hourly(catch_up: CatchUp = CatchUp.ONCE, cron: str = "0 * * * *") -> Schedule:
    return Schedule(name="books.hourly", cron=cron, task=lambda at: CloseHour(at=at), catch_up=catch_up)


def hours(ticks: list[datetime]) -> list[int]:
    return [tick.hour for tick in ticks]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [(CatchUp.SKIP, [12]), (CatchUp.ONCE, [11, 12]), (CatchUp.ALL, [8, 9, 10, 11, 12])],
)
def test_missed_ticks_are_made_up_for_as_declared_and_one_that_is_on_time_always_runs(
    catch_up: CatchUp, expected: list[int]
) -> None:
    first = NOON - timedelta(hours=4)

    assert hours(hourly(catch_up).due(first, NOON + timedelta(seconds=1))) == expected


@pytest.mark.parametrize(("catch_up", "expected"), [(CatchUp.SKIP, []), (CatchUp.ONCE, [12]), (CatchUp.ALL, [12])])
def test_a_single_missed_tick_is_a_missed_tick(catch_up: CatchUp, expected: list[int]) -> None:
    assert hours(hourly(catch_up).due(NOON, NOON + timedelta(minutes=5))) == expected


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 400_000), st.sampled_from(list(CatchUp)))
def test_no_tick_is_made_twice_and_none_before_its_time(late_s: int, micro: int, catch_up: CatchUp) -> None:
    secondly = hourly(catch_up, "* * * * * *")
    now = NOON + timedelta(seconds=late_s, microseconds=micro)

    ticks = secondly.due(NOON, now)

    assert len(set(ticks)) == len(ticks)
    assert ticks == sorted(ticks)
    assert all(NOON <= tick <= now for tick in ticks)


def test_a_year_of_missed_seconds_is_made_up_for_in_bounded_steps() -> None:
    ticks = hourly(CatchUp.ALL, "* * * * * *").due(NOON - timedelta(days=365), NOON)

    assert len(ticks) == TICKS_A_STEP


def test_a_wall_clock_is_that_of_its_zone() -> None:
    berlin = Schedule(
        name="books.morning", cron="0 6 * * *", task=lambda at: CloseHour(at=at), zone="Europe/Berlin"
    )

    assert berlin.next_after(NOON).astimezone(UTC) == datetime(2026, 3, 11, 5, 0, tzinfo=UTC)
    in_summer = datetime(2026, 7, 1, tzinfo=UTC)
    assert berlin.next_after(in_summer).astimezone(UTC) == datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone"), [("every day", "UTC"), ("0 25 * * *", "UTC"), ("0 3 * * *", "Mars/Base")]
)
def test_what_is_not_readable_is_refused_with_its_name(cron: str, zone: str) -> None:
    with pytest.raises(ValueError, match=r"books\.odd"):
        Schedule(name="books.odd", cron=cron, task=lambda at: CloseHour(at=at), zone=zone)


async def tasks_in(books: Database) -> int:
    async with books.reading() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM deliveries"))).scalar_one())


async def last_seen(books: Database, ago: timedelta) -> None:
    """The next tick lies this long in the past: nobody was there since."""
    async with books.transaction() as connection:
        moved = text(
            "UPDATE schedules SET next_at = date_trunc('hour', clock_timestamp() - CAST(:ago AS interval))"
        )
        await connection.execute(moved, {"ago": ago})


async def test_one_task_a_tick_across_any_number_of_workers(books: Database) -> None:
    workers = [Scheduler(books, [hourly(CatchUp.ALL)], SystemClock()) for _ in range(8)]
    for worker in workers:
        await worker.open()
    assert await tasks_in(books) == 0, "a new schedule begins with its next tick"
    await last_seen(books, timedelta(hours=5))

    await asyncio.gather(*(worker.step() for worker in workers))

    assert await tasks_in(books) == 6


async def test_a_tick_that_was_made_is_not_made_again_when_the_schedule_is_set_back(books: Database) -> None:
    for _ in range(2):
        scheduler = Scheduler(books, [hourly(CatchUp.ALL)], SystemClock())
        await scheduler.open()
        await last_seen(books, timedelta(hours=5))
        await scheduler.step()

    assert await tasks_in(books) == 6


async def test_a_schedule_that_was_changed_begins_anew(books: Database) -> None:
    await Scheduler(books, [hourly()], SystemClock()).open()
    await last_seen(books, timedelta(hours=5))
    changed = Scheduler(books, [hourly(cron="30 * * * *")], SystemClock())
    await changed.open()

    await changed.step()

    assert await tasks_in(books) == 0


@pytest.mark.parametrize("error", [ZeroDivisionError, TimeoutError, ConflictError])
async def test_a_schedule_whose_task_cannot_be_made_keeps_its_tick_and_holds_up_nobody(
    books: Database, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(schedules, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(schedules, "FAILED_AGAIN_AFTER_S", 0.0)
    closed: list[datetime] = []

    def close(at: datetime) -> CloseHour:
        if not closed:
            closed.append(at)
            raise error("it is no time for that")
        return CloseHour(at=at)

    odd = Schedule(name="books.a_odd", cron="0 * * * *", task=close, catch_up=CatchUp.ALL)
    scheduler = Scheduler(books, [odd, hourly(CatchUp.ALL)], SystemClock())
    await scheduler.open()
    await last_seen(books, timedelta(hours=2))

    with capture_logs() as logs:
        await scheduler.step()
    assert await tasks_in(books) == 3
    assert [(log["event"], log["schedule"]) for log in logs] == [("schedule_failed", "books.a_odd")]

    await scheduler.step()
    assert await tasks_in(books) == 6


async def test_an_operator_may_run_one_now_and_sees_when_it_comes_next(books: Database) -> None:
    schedule = hourly()
    async with books.transaction() as connection:
        for _ in range(2):
            await run_now(connection, schedule, context="books", clock=SystemClock(), by="ann")
    await Scheduler(books, [schedule], SystemClock()).open()

    assert await tasks_in(books) == 2
    async with books.reading() as connection:
        (record,) = await listed(connection, [schedule])
    assert record.next_at is not None
    assert record.next_at > datetime.now(UTC)
