"""The trail only ever grows, whoever asks, and says who, to whom, from where and with which result."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.application import AuditEntry, Cause, Subject, caused_by
from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import LEDGER, Housekeeping, LedgerWork, trail, unit_of_work
from hedgerow_core.messaging.trail import AuditFilter, AuditRecord
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import Stairway

ANN = Cause(actor="ann", correlation_id="t1", request_id="r1", address="192.0.2.7", user_agent="a browser")
CHANGES = ["UPDATE audit_entries SET actor = 'eve'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]


@asynccontextmanager
async def as_owner(database: Database) -> AsyncIterator[AsyncConnection]:
    async with database.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        yield connection
        await connection.commit()
    await database.engine.dispose()


def work_for(connection: AsyncConnection) -> LedgerWork:
    return LedgerWork(connection, context="shop", clock=SystemClock(), translations={})


async def write(shop: Database, *entries: AuditEntry, cause: Cause = ANN) -> None:
    with caused_by(cause):
        async with unit_of_work(shop, work_for, lambda: None) as work:
            for entry in entries:
                work.audit(entry)


async def lines(shop: Database, **wanted: object) -> list[AuditRecord]:
    async with shop.reading() as connection:
        return await trail.listed(connection, AuditFilter(**wanted), limit=10)  # type: ignore[arg-type]


async def test_a_line_says_who_did_what_to_whom_and_from_where(shop: Database) -> None:
    await write(shop, AuditEntry(action="shop.closed", subject=Subject("shop", "7"), details={"days": 2}))
    (line,) = await lines(shop)
    assert (line.actor, line.action, line.subject_kind, line.subject_id) == ("ann", "shop.closed", "shop", "7")
    assert (line.address, line.user_agent, line.request_id, line.trace_id) == ("192.0.2.7", "a browser", "r1", "t1")
    assert (line.result, line.details, line.reason, line.affected) == ("done", {"days": 2}, None, None)


async def test_a_line_leaves_with_its_transaction_or_not_at_all(shop: Database) -> None:
    async def fail() -> None:
        async with unit_of_work(shop, work_for, lambda: None) as work:
            work.audit(AuditEntry(action="shop.closed"))
            await work.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await lines(shop) == []


@pytest.mark.parametrize("change", CHANGES)
async def test_neither_the_contexts_role_nor_the_owner_can_change_the_trail(shop: Database, change: str) -> None:
    await write(shop, AuditEntry(action="shop.closed"))
    before = await lines(shop)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with shop.transaction() as connection:
            await connection.execute(text(change))
    with pytest.raises(DBAPIError, match="append-only"):
        async with as_owner(shop) as connection:
            await connection.execute(text(change))
    assert await lines(shop) == before


@pytest.mark.parametrize("change", CHANGES)
async def test_it_is_the_trigger_that_refuses_the_owner(shop: Database, change: str) -> None:
    await write(shop, AuditEntry(action="shop.closed"))
    async with as_owner(shop) as connection:
        await connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER audit_is_append_only"))
        await connection.execute(text(change))
    assert [line.actor for line in await lines(shop)] in ([], ["eve"])


async def test_the_role_cannot_disable_the_trigger(shop: Database) -> None:
    with pytest.raises(DBAPIError, match="must be owner"):
        async with shop.transaction() as connection:
            await connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER ALL"))


async def test_what_is_old_is_forgotten_and_the_trigger_stands_again(shop: Database) -> None:
    await write(shop, AuditEntry(action="shop.opened"), AuditEntry(action="shop.closed"))
    async with as_owner(shop) as connection:
        await connection.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER audit_is_append_only"))
        await connection.execute(text("UPDATE audit_entries SET at = at - interval '31 days' WHERE id = 1"))
        await connection.execute(text("ALTER TABLE audit_entries ENABLE TRIGGER audit_is_append_only"))
    keeping = Housekeeping(shop, {}, keep_events=timedelta(days=7), keep_audit=timedelta(days=30))
    await keeping.forget()
    await keeping.forget()
    assert [line.action for line in await lines(shop)] == ["shop.closed"]
    with pytest.raises(DBAPIError, match="append-only"):
        async with as_owner(shop) as connection:
            await connection.execute(text("DELETE FROM audit_entries"))


async def test_nobody_forgets_the_last_month(shop: Database) -> None:
    with pytest.raises(DBAPIError, match="30 days at least"):
        async with shop.transaction() as connection:
            await connection.execute(text("SELECT forget_audit('29 days', 10)"))


async def test_lines_are_found_by_what_they_say(shop: Database) -> None:
    await write(shop, AuditEntry(action="shop.closed"))
    await write(shop, AuditEntry(action="shop.closed", subject=Subject("shop", "7")), cause=Cause(actor="eve"))
    await write(shop, AuditEntry(action="shop.opened", result="shop.busy"), cause=Cause())
    wanted: list[tuple[dict[str, object], list[int]]] = [
        ({"actor": "ann"}, [1]),
        ({"subject": "7"}, [2]),
        ({"action": "shop.closed"}, [2, 1]),
        ({"result": "shop.busy"}, [3]),
        ({"action": "shop.closed", "actor": "eve"}, [2]),
        ({"actor": "nobody"}, []),
    ]
    for which, found in wanted:
        assert [line.id for line in await lines(shop, **which)] == found, which


async def test_lines_are_found_by_their_time(shop: Database) -> None:
    await write(shop, AuditEntry(action="shop.closed"))
    (line,) = await lines(shop)
    assert await lines(shop, since=line.at, until=line.at + timedelta(seconds=1)) == [line]
    assert await lines(shop, until=line.at) == await lines(shop, since=line.at + timedelta(seconds=1)) == []


async def test_what_operators_had_changed_before_was_moved_into_the_trail(fresh_database: DatabaseAddress) -> None:
    stairway = Stairway(fresh_database, "barn", LEDGER)
    await stairway.up_to("ledger_0002")
    engine = create_async_engine(fresh_database.url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(
            text(
                "INSERT INTO barn.ledger_actions (action, actor, reason, filter, affected) "
                """VALUES ('retry', 'ann', 'mended', '{"states": ["dead"]}', 7)"""
            )
        )
        await connection.commit()
        await stairway.up_to()
        (line,) = await connection.execute(text("SELECT * FROM barn.audit_entries"))
    assert (line.action, line.actor, line.reason, line.affected) == ("ledger.retry", "ann", "mended", 7)
    assert (line.details, line.result) == ({"states": ["dead"]}, "done")
