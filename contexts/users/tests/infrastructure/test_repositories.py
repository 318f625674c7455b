"""What is saved comes back, and two who change one account don't overwrite each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hedgerow_core.application import ALL_ROWS
from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.session import EndReason, RefreshToken, Session

FIREFOX = Client(user_agent="Firefox", address="192.0.2.17")


def ada(clock: FakeClock) -> Account:
    return Account.register(
        email=Email.written("ada@example.org"),
        name=Name.written("Ada"),
        password_hash=PasswordHash("hash"),
        at=clock.now(),
    )


async def test_an_account_comes_back_as_it_was_saved(
    container: UsersContainer, database: Database, clock: FakeClock
) -> None:
    account = ada(clock)
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        found = await work.accounts.find(account.id)
    assert found is not None
    assert found == account
    for field in ("email", "name", "password_hash", "roles", "created_at", "version"):
        assert getattr(found, field) == getattr(account, field)


async def test_an_account_read_before_a_change_cannot_be_saved_after_it(
    container: UsersContainer, database: Database, clock: FakeClock
) -> None:
    account = ada(clock)
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        first, second = await work.accounts.find(account.id), await work.accounts.find(account.id)
        assert first is not None
        assert second is not None
        await work.accounts.save(first)
    assert first.version == 2
    with pytest.raises(ConflictError) as refused:
        async with unit_of_work(database, container.work, lambda: None) as work:
            await work.accounts.save(second)
    assert refused.value.code == "concurrent_change"


async def test_a_token_is_redeemed_once_and_names_its_family_for_ever(
    container: UsersContainer, database: Database, clock: FakeClock
) -> None:
    account = ada(clock)
    session = Session.start(account.id, at=clock.now())
    _, token = RefreshToken.issue(session, at=clock.now(), lifetime=timedelta(days=1))
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        await work.sessions.add(session)
        await work.sessions.add_token(token)
        redeemed = await work.sessions.redeem(token.hash, FIREFOX, at=clock.now())
        assert redeemed == replace(token, used_at=clock.now(), used_by=FIREFOX.fingerprint)
        assert await work.sessions.redeem(token.hash, FIREFOX, at=clock.now()) is None
        assert await work.sessions.find_token(token.hash) == redeemed
        assert await work.sessions.find_token(b"\0" * 32) is None
        assert await work.sessions.hold_family(token.hash) == session
        assert await work.sessions.hold_family(b"\0" * 32) is None


async def test_ending_all_sessions_spares_those_that_are_over(
    container: UsersContainer, database: Database, clock: FakeClock
) -> None:
    account = ada(clock)
    over, live = (Session.start(account.id, at=clock.now()) for _ in range(2))
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        await work.sessions.add(over)
        await work.sessions.add(live)
        over.end(EndReason.LOGOUT, at=clock.now())
        await work.sessions.save(over)
        await work.sessions.end_all(account.id, EndReason.PASSWORD_CHANGED, at=clock.now())
        held = [await work.sessions.hold(session.id, ALL_ROWS) for session in (over, live)]
        reasons = [session and session.end_reason for session in held]
    assert reasons == [EndReason.LOGOUT, EndReason.PASSWORD_CHANGED]


async def test_a_session_comes_back_as_it_was_seen_last(
    container: UsersContainer, database: Database, clock: FakeClock
) -> None:
    account = ada(clock)
    session = Session.start(account.id, at=clock.now(), client=FIREFOX)
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        await work.sessions.add(session)
        stored = await work.sessions.hold(session.id, ALL_ROWS)
        assert stored is not None
        assert (stored.client, stored.last_seen_at) == (FIREFOX, clock.now())
        clock.advance(timedelta(hours=1))
        elsewhere = Client(user_agent="curl", address="2001:db8::1")
        seen = await work.sessions.see(session.id, elsewhere, at=clock.now())
        assert (seen.client, seen.last_seen_at, seen.started_at) == (elsewhere, clock.now(), session.started_at)
        assert await work.sessions.hold(Session.start(account.id, at=clock.now()).id, ALL_ROWS) is None
