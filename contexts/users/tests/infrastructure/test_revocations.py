"""Revocations: written with what causes them, read by every process, believed only while they are fresh."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects import postgresql

from hedgerow_core.application import ALL_ROWS
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.security import Principal
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.session_ports import RevocationsUnknown
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.session import EndReason, Session, SessionId
from hedgerow_users.infrastructure.revocations import _READ, OVERLAP, REMEMBERED, RevocationList
from hedgerow_users.infrastructure.tables import revocations
from hedgerow_users.infrastructure.work import UsersWork

AT = datetime(2026, 1, 15, 12, 0, 0, 500_000, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)


def principal(*, subject: UUID | None = None, session: UUID | None = None) -> Principal:
    return Principal(subject=subject or new_id(), session=session, roles=frozenset())


async def revoke(container: UsersContainer, database: Database, subject: UUID, at: datetime = AT) -> None:
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.revocations.revoke(subject, at=at)


@pytest.fixture
async def known(database: Database) -> RevocationList:
    known = RevocationList(database)
    await known.read()
    return known


async def test_a_token_that_was_issued_before_is_refused_and_one_from_that_moment_on_is_not(
    container: UsersContainer, database: Database, known: RevocationList
) -> None:
    who = principal(session=new_id())
    await revoke(container, database, who.subject)
    assert not known.is_revoked(who, 0.0), "the twin: who doesn't look doesn't know"
    await known.read()
    assert known.is_revoked(who, (AT - A_MOMENT).timestamp())
    assert not known.is_revoked(who, AT.timestamp())
    assert not known.is_revoked(principal(), 0.0)


async def test_a_session_and_an_account_can_be_revoked_and_the_later_moment_counts(
    container: UsersContainer, database: Database, known: RevocationList
) -> None:
    session = new_id()
    for at in (AT, AT + timedelta(seconds=1), AT):
        await revoke(container, database, session, at)
    await known.read()
    assert known.is_revoked(principal(session=session), AT.timestamp())
    assert not known.is_revoked(principal(session=new_id()), AT.timestamp())


async def test_what_is_rolled_back_revokes_nobody(
    container: UsersContainer, database: Database, known: RevocationList
) -> None:
    who = principal()
    with suppress(ZeroDivisionError):
        async with unit_of_work(database, container.work, lambda: None) as work:
            await work.revocations.revoke(who.subject, at=AT)
            raise ZeroDivisionError
    await known.read()
    assert not known.is_revoked(who, 0.0)


async def test_a_transaction_that_commits_late_is_not_overlooked(
    container: UsersContainer, database: Database, known: RevocationList
) -> None:
    late, early = principal(), principal()
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.revocations.revoke(late.subject, at=AT)
        await revoke(container, database, early.subject)
        await known.read()
        assert (known.is_revoked(early, 0.0), known.is_revoked(late, 0.0)) == (True, False)
    await known.read()
    assert known.is_revoked(late, 0.0)


async def test_a_process_that_starts_knows_what_was_revoked_in_the_last_minutes_and_no_more(
    container: UsersContainer, database: Database
) -> None:
    recent, past = principal(), principal()
    await revoke(container, database, past.subject)
    await age(database, REMEMBERED + timedelta(seconds=1))
    await revoke(container, database, recent.subject)
    await age(database, REMEMBERED - timedelta(seconds=10), only=recent.subject)
    known = RevocationList(database)
    await known.read()
    assert (known.is_revoked(recent, 0.0), known.is_revoked(past, 0.0)) == (True, False)


async def test_what_concerns_no_living_token_is_deleted(
    container: UsersContainer, database: Database, known: RevocationList
) -> None:
    past, recent = new_id(), new_id()
    await revoke(container, database, past)
    await age(database, REMEMBERED + timedelta(seconds=1))
    await revoke(container, database, recent)
    await known.forget()
    async with database.reading() as connection:
        assert (await connection.execute(select(revocations.c.subject))).scalars().all() == [recent]


async def test_reading_again_takes_what_is_new_and_now_and_then_everything(
    container: UsersContainer, database: Database
) -> None:
    now = 1_000.0
    known, who = RevocationList(database, lambda: now), principal()
    await known.read()
    await revoke(container, database, who.subject)
    await age(database, timedelta(seconds=60))
    now += 0.4
    await known.read()
    assert not known.is_revoked(who, 0.0), "beyond the overlap: only a look at everything finds it"
    for _ in range(8):
        now += 4
        await known.read()
    assert known.is_revoked(who, 0.0)


async def test_nobody_is_believed_before_the_first_look_or_five_seconds_after_the_last(database: Database) -> None:
    now = 1_000.0
    known = RevocationList(database, lambda: now)
    with pytest.raises(RevocationsUnknown):
        known.is_revoked(principal(), 0.0)
    await known.read()
    now += 5
    assert not known.is_revoked(principal(), 0.0)
    now += 0.1
    with pytest.raises(RevocationsUnknown):
        known.is_revoked(principal(), 0.0)
    await known.read()
    assert not known.is_revoked(principal(), 0.0)


async def test_ending_a_session_revokes_it_for_any_clock(
    container: UsersContainer, database: Database, clock: FakeClock, known: RevocationList
) -> None:
    session = await logged_in(container, database, clock)
    async with unit_of_work(database, container.work, lambda: None) as work:
        await end_it(work, session, clock)
    await known.read()
    ahead = (clock.now() + timedelta(hours=1)).timestamp()
    assert known.is_revoked(principal(session=session), ahead)


async def test_the_statement_that_is_asked_all_the_time_uses_its_index(
    container: UsersContainer, database: Database
) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO revocations (subject, not_before, recorded_at) SELECT gen_random_uuid(), now(), "
                "now() - n * interval '1 second' FROM generate_series(1, 20000) n"
            )
        )
    asked = _READ.params(reach=OVERLAP).compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    async with database.reading() as connection:
        await connection.execute(text("ANALYZE revocations"))
        plan = (await connection.execute(text(f"EXPLAIN {asked}"))).scalars()
    assert "Index Cond: (recorded_at >" in "\n".join(plan)


async def age(database: Database, by: timedelta, *, only: UUID | None = None) -> None:
    """Let what was recorded have been recorded earlier."""
    older = update(revocations).values(recorded_at=func.clock_timestamp() - by)
    async with database.transaction() as connection:
        await connection.execute(older if only is None else older.where(revocations.c.subject == only))


async def logged_in(container: UsersContainer, database: Database, clock: FakeClock) -> UUID:
    """The session of somebody new."""
    account = Account.register(
        email=Email("ada@example.org"), name=Name("Ada"), password_hash=PasswordHash("hash"), at=clock.now()
    )
    session = Session.start(account.id, at=clock.now())
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        await work.sessions.add(session)
    return session.id


async def end_it(work: UsersWork, id: UUID, clock: FakeClock) -> None:
    session = await work.sessions.hold(SessionId(id), ALL_ROWS)
    assert session is not None
    session.end(EndReason.LOGOUT, at=clock.now())
    await work.sessions.save(session)
