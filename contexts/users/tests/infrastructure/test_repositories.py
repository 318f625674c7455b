"""What is saved comes back, and two who change one account don't overwrite each other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.session import EndReason, RefreshToken, Session


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
        assert await work.sessions.redeem(token.hash, at=clock.now()) == token
        assert await work.sessions.redeem(token.hash, at=clock.now()) is None
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
        reasons = [(await work.sessions.hold(session.id)).end_reason for session in (over, live)]
    assert reasons == [EndReason.LOGOUT, EndReason.PASSWORD_CHANGED]
