"""The life of a session: refresh, reuse, logout, expiry, password change. On a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from hedgerow_core.application import Bus
from hedgerow_core.domain import ConflictError, Secret, new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.session_tokens import SessionTokens
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.errors import (
    AccountGone,
    InvalidCredentials,
    InvalidRefreshToken,
    RefreshTokenReused,
    UnsuitablePassword,
    WrongPassword,
)
from hedgerow_users.domain.session import Session
from hedgerow_users.infrastructure.tables import sessions

EMAIL, PASSWORD, ANOTHER = "ada@example.org", Secret("correct horse"), Secret("battery staple")


@pytest.fixture
async def ada(register: RegisterUser) -> AccountId:
    return AccountId((await register(email=EMAIL, password=PASSWORD, name="Ada")).id)


@pytest.fixture
async def tokens(ada: AccountId, log_in: LogIn) -> SessionTokens:
    return await log_in(email=EMAIL, password=PASSWORD)


async def end_reasons(database: Database) -> set[str | None]:
    async with database.reading() as connection:
        return set((await connection.execute(select(sessions.c.end_reason))).scalars())


async def test_a_refresh_token_gives_a_new_pair_again_and_again(
    tokens: SessionTokens, refresh: RefreshSession
) -> None:
    seen = {tokens.refresh_token.reveal()}
    for _ in range(3):
        tokens = await refresh(refresh_token=tokens.refresh_token)
        seen.add(tokens.refresh_token.reveal())
    assert len(seen) == 4


async def test_a_reused_token_ends_its_session_before_it_is_refused(
    tokens: SessionTokens, refresh: RefreshSession, database: Database
) -> None:
    successor = await refresh(refresh_token=tokens.refresh_token)
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=tokens.refresh_token)
    assert await end_reasons(database) == {"token_reused"}
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=successor.refresh_token)


async def test_a_reused_token_does_not_touch_other_sessions(
    tokens: SessionTokens, log_in: LogIn, refresh: RefreshSession
) -> None:
    elsewhere = await log_in(email=EMAIL, password=PASSWORD)
    await refresh(refresh_token=tokens.refresh_token)
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=tokens.refresh_token)
    await refresh(refresh_token=elsewhere.refresh_token)


async def test_of_eight_refreshes_at_once_one_wins(tokens: SessionTokens, refresh: RefreshSession) -> None:
    outcomes = await asyncio.gather(
        *(refresh(refresh_token=tokens.refresh_token) for _ in range(8)), return_exceptions=True
    )
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(error) for error in errors] == [RefreshTokenReused] * 7


async def test_an_unknown_token_is_refused(refresh: RefreshSession) -> None:
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=Secret("we never issued this"))


async def test_a_token_waits_30_days_and_no_longer(
    tokens: SessionTokens, refresh: RefreshSession, clock: FakeClock
) -> None:
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    renewed = await refresh(refresh_token=tokens.refresh_token)
    clock.advance(timedelta(days=30))
    for _ in range(2):  # Refusing it does not use it up: the answer stays the same.
        with pytest.raises(InvalidRefreshToken):
            await refresh(refresh_token=renewed.refresh_token)


async def test_logout_ends_the_session(tokens: SessionTokens, bus: Bus, refresh: RefreshSession) -> None:
    await bus.execute(LogOut(refresh_token=tokens.refresh_token))
    for _ in range(2):
        with pytest.raises(InvalidRefreshToken):
            await refresh(refresh_token=tokens.refresh_token)


async def test_logout_takes_any_token_without_complaint(tokens: SessionTokens, bus: Bus) -> None:
    for token in (Secret("unknown"), tokens.refresh_token, tokens.refresh_token):
        await bus.execute(LogOut(refresh_token=token))


async def test_a_changed_password_ends_every_session(
    ada: AccountId,
    tokens: SessionTokens,
    log_in: LogIn,
    refresh: RefreshSession,
    change_password: ChangePassword,
    database: Database,
) -> None:
    elsewhere = await log_in(email=EMAIL, password=PASSWORD)
    await change_password(account_id=ada, current=PASSWORD, new=ANOTHER)
    for dead in (tokens, elsewhere):
        with pytest.raises(InvalidRefreshToken):
            await refresh(refresh_token=dead.refresh_token)
    assert await end_reasons(database) == {"password_changed"}


async def test_only_the_new_password_logs_in(
    ada: AccountId, log_in: LogIn, change_password: ChangePassword
) -> None:
    await change_password(account_id=ada, current=PASSWORD, new=ANOTHER)
    await log_in(email=EMAIL, password=ANOTHER)
    with pytest.raises(InvalidCredentials):
        await log_in(email=EMAIL, password=PASSWORD)


async def test_the_current_password_must_be_right(
    ada: AccountId, tokens: SessionTokens, refresh: RefreshSession, change_password: ChangePassword
) -> None:
    with pytest.raises(WrongPassword) as refused:
        await change_password(account_id=ada, current=ANOTHER, new=ANOTHER)
    assert refused.value.field == "current_password"
    await refresh(refresh_token=tokens.refresh_token)


async def test_the_new_password_must_be_suitable(ada: AccountId, change_password: ChangePassword) -> None:
    with pytest.raises(UnsuitablePassword) as refused:
        await change_password(account_id=ada, current=PASSWORD, new=Secret("short"))
    assert refused.value.field == "new_password"


async def test_of_two_changes_at_once_one_wins(ada: AccountId, change_password: ChangePassword) -> None:
    outcomes = await asyncio.gather(
        change_password(account_id=ada, current=PASSWORD, new=ANOTHER),
        change_password(account_id=ada, current=PASSWORD, new=Secret("a third one")),
        return_exceptions=True,
    )
    # The loser read the old hash; or, if it came late, found that its password is no longer the current one.
    assert sorted(type(outcome).__name__ for outcome in outcomes) in (
        [ConflictError.__name__, "NoneType"],
        ["NoneType", WrongPassword.__name__],
    )


async def test_a_login_under_way_is_ended_by_the_change_that_overtakes_it(
    ada: AccountId, container: UsersContainer, change_password: ChangePassword, database: Database
) -> None:
    async with unit_of_work(database, container.work, lambda: None) as work:
        assert await work.accounts.hold(ada)
        change = asyncio.create_task(change_password(account_id=ada, current=PASSWORD, new=ANOTHER))
        done, _ = await asyncio.wait([change], timeout=0.5)
        assert not done, "the change did not wait for the login"
        await work.sessions.add(Session.start(ada, at=FakeClock().now()))
    await change
    assert await end_reasons(database) == {"password_changed"}


async def test_the_password_of_nobody_cannot_be_changed(change_password: ChangePassword) -> None:
    with pytest.raises(AccountGone):
        await change_password(account_id=AccountId(new_id()), current=PASSWORD, new=ANOTHER)
