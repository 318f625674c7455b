"""Sessions end for good and are forgotten a month later; those of the deleted forget their places at once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, Row, text
from sqlalchemy.dialects import postgresql

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users import plugin
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.queries.list_sessions import ListSessions
from hedgerow_users.application.tasks import prune_sessions
from hedgerow_users.application.tasks.prune_sessions import PruneSessions
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.session_errors import InvalidRefreshToken
from hedgerow_users.infrastructure.session_repository import _FORGET_CLIENTS, _PRUNE_SESSIONS, _PRUNE_TOKENS

EMAIL, PASSWORD = "ada@example.org", Secret("correct horse")
DAY, MOMENT = timedelta(days=1), timedelta(seconds=1)
HOME = Client(user_agent="Firefox", address="192.0.2.7")

Register = Callable[..., Awaitable[AccountView]]
Rows = Callable[..., Awaitable[Sequence[Row[Any]]]]
Prune = Callable[[], Awaitable[None]]


@pytest.fixture
async def ada(register: Register) -> AccountId:
    return AccountId((await register(email=EMAIL, password=PASSWORD, name="Ada")).id)


@pytest.fixture
def prune(container: UsersContainer, database: Database, clock: FakeClock, rows: Rows) -> Prune:
    """What a worker does with a tick of the schedule: returns when it is done and asks for no more batches."""

    async def prune() -> None:
        async with unit_of_work(database, plugin.handlers(container).work, lambda: None) as work:
            await container.prune_sessions()(PruneSessions(tick=clock.now()), work)

    return prune


async def left(rows: Rows) -> tuple[int, int]:
    """Sessions and refresh tokens."""
    ((sessions, tokens),) = await rows(
        "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM refresh_tokens)"
    )
    return sessions, tokens


async def test_a_session_ends_after_90_days_however_often_it_is_refreshed(
    ada: AccountId, log_in: LogIn, refresh: RefreshSession, bus: Bus, clock: FakeClock
) -> None:
    tokens = await log_in(email=EMAIL, password=PASSWORD)
    (session,) = (await bus.ask(ListSessions(account_id=ada, limit=10))).items
    end = session.expires_at
    assert end == clock.now() + 90 * DAY
    for _ in range(4):
        clock.advance(20 * DAY)
        tokens = await refresh(refresh_token=tokens.refresh_token)
    clock.advance(10 * DAY - MOMENT)
    tokens = await refresh(refresh_token=tokens.refresh_token)
    assert [one.expires_at for one in (await bus.ask(ListSessions(account_id=ada, limit=10))).items] == [end]

    clock.advance(MOMENT)

    assert (await bus.ask(ListSessions(account_id=ada, limit=10))).items == []
    for _ in range(2):
        with pytest.raises(InvalidRefreshToken):
            await refresh(refresh_token=tokens.refresh_token)


async def test_an_ended_session_is_forgotten_after_a_month_and_a_live_one_is_not(
    ada: AccountId, log_in: LogIn, bus: Bus, clock: FakeClock, prune: Prune, rows: Rows, refresh: RefreshSession
) -> None:
    ended = await log_in(email=EMAIL, password=PASSWORD)
    await bus.execute(LogOut(refresh_token=ended.refresh_token))
    live = await log_in(email=EMAIL, password=PASSWORD)
    clock.advance(29 * DAY)
    live = await refresh(refresh_token=live.refresh_token)
    clock.advance(DAY)
    await prune()
    assert (await left(rows))[0] == 2
    clock.advance(MOMENT)
    await prune()
    assert (await left(rows))[0] == 1
    await refresh(refresh_token=live.refresh_token)


async def test_a_session_that_nobody_ended_is_forgotten_a_month_after_its_last_day(
    ada: AccountId, log_in: LogIn, clock: FakeClock, prune: Prune, rows: Rows
) -> None:
    await log_in(email=EMAIL, password=PASSWORD)
    clock.advance(120 * DAY)
    await prune()
    assert (await left(rows))[0] == 1
    clock.advance(MOMENT)
    await prune()
    assert await left(rows) == (0, 0)


async def test_a_refresh_token_is_forgotten_when_it_has_expired_used_or_not(
    ada: AccountId, log_in: LogIn, refresh: RefreshSession, clock: FakeClock, prune: Prune, rows: Rows
) -> None:
    first = await log_in(email=EMAIL, password=PASSWORD)
    clock.advance(20 * DAY)
    second = await refresh(refresh_token=first.refresh_token)
    clock.advance(11 * DAY + MOMENT)
    await prune()
    assert await left(rows) == (1, 1)
    await refresh(refresh_token=second.refresh_token)


async def test_more_than_a_batch_makes_one_task_more_and_so_on(
    ada: AccountId,
    log_in: LogIn,
    clock: FakeClock,
    prune: Prune,
    rows: Rows,
    work_off: Callable[[], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prune_sessions, "AT_ONCE", 2)
    for _ in range(5):
        await log_in(email=EMAIL, password=PASSWORD)
    clock.advance(121 * DAY)
    await prune()
    assert (await left(rows))[0] == 3
    await work_off()
    assert await left(rows) == (0, 0)


async def test_the_clock_asks_for_it_every_hour(container: UsersContainer, clock: FakeClock) -> None:
    (schedule,) = plugin.handlers(container).schedules
    ticks = schedule.ticks_after(clock.now())
    assert next(ticks) + timedelta(hours=1) == next(ticks)
    assert schedule.task(clock.now()) == PruneSessions(tick=clock.now())


async def test_the_sessions_of_a_deleted_account_forget_where_they_were_used(
    ada: AccountId, register: Register, log_in: LogIn, bus: Bus, rows: Rows
) -> None:
    await register(email="eve@example.org", password=PASSWORD, name="Eve")
    ended = await log_in(email=EMAIL, password=PASSWORD, client=HOME)
    await bus.execute(LogOut(refresh_token=ended.refresh_token))
    await log_in(email=EMAIL, password=PASSWORD, client=HOME)
    await log_in(email="eve@example.org", password=PASSWORD, client=HOME)

    await bus.execute(DeleteOwnAccount(account_id=ada))

    places = await rows(
        "SELECT account_id = :ada, user_agent, address FROM sessions ORDER BY 1, started_at", ada=ada
    )
    assert [tuple(place) for place in places] == [
        (False, HOME.user_agent, HOME.address),
        (True, "", ""),
        (True, "", ""),
    ]


@pytest.mark.parametrize(
    "statement", [_PRUNE_SESSIONS, _PRUNE_TOKENS, _FORGET_CLIENTS], ids=["sessions", "tokens", "clients"]
)
async def test_no_table_is_read_from_end_to_end_for_it(database: Database, statement: Executable) -> None:
    sql = str(statement.compile(dialect=postgresql.dialect()))
    sql = re.sub(r"%\((\w+)_before\)s", "now()", sql).replace("%(at_most)s", "5000")
    sql = re.sub(r"%\(account\)s(::UUID)?", "'0192d7a4-0000-7000-8000-000000000000'::uuid", sql)
    sql = re.sub(r"%\((user_agent|address)\)s", "''", sql)
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {sql}"))).scalars())
    assert "Seq Scan" not in plan
