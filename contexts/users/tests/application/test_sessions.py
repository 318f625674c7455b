"""The life of a session: refresh, reuse, logout, expiry, password change. On a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import func, select

from hedgerow_core.application import Bus
from hedgerow_core.domain import ConflictError, Secret, new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.refresh_session import (
    RefreshSession,
    RotateRefreshToken,
    RotateRefreshTokenHandler,
)
from hedgerow_users.application.session_tokens import LiveSession, SessionTokens
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client
from hedgerow_users.domain.proof_errors import InvalidCredentials, UnsuitablePassword, WrongPassword
from hedgerow_users.domain.session import RETRY_WITHIN, Session
from hedgerow_users.domain.session_errors import InvalidRefreshToken, RefreshTokenReused
from hedgerow_users.infrastructure.refresh_successors import HmacRefreshSuccessors
from hedgerow_users.infrastructure.server_secret import users_secret
from hedgerow_users.infrastructure.tables import refresh_tokens, sessions

Register = Callable[..., Awaitable[AccountView]]

EMAIL, PASSWORD, ANOTHER = "ada@example.org", Secret("correct horse"), Secret("battery staple")
FIREFOX = Client(user_agent="Firefox", address="192.0.2.17")
TOO_LATE = RETRY_WITHIN + timedelta(microseconds=1)


@pytest.fixture
async def ada(register: Register) -> AccountId:
    return AccountId((await register(email=EMAIL, password=PASSWORD, name="Ada")).id)


@pytest.fixture
async def tokens(ada: AccountId, log_in: LogIn) -> SessionTokens:
    return await log_in(email=EMAIL, password=PASSWORD)


async def end_reasons(database: Database) -> set[str | None]:
    async with database.reading() as connection:
        return set((await connection.execute(select(sessions.c.end_reason))).scalars())


async def tokens_stored(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(select(func.count()).select_from(refresh_tokens))).scalar_one())


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
    latest = await refresh(refresh_token=successor.refresh_token)
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=tokens.refresh_token)
    assert await end_reasons(database) == {"token_reused"}
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=latest.refresh_token)


async def test_a_reused_token_does_not_touch_other_sessions(
    tokens: SessionTokens, log_in: LogIn, refresh: RefreshSession, clock: FakeClock
) -> None:
    elsewhere = await log_in(email=EMAIL, password=PASSWORD)
    await refresh(refresh_token=tokens.refresh_token)
    clock.advance(TOO_LATE)
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=tokens.refresh_token)
    await refresh(refresh_token=elsewhere.refresh_token)


async def test_a_token_whose_answer_was_lost_gives_the_same_successor_again(
    tokens: SessionTokens, refresh: RefreshSession, clock: FakeClock, database: Database
) -> None:
    first = await refresh(refresh_token=tokens.refresh_token, client=FIREFOX)
    clock.advance(RETRY_WITHIN)
    again = await refresh(refresh_token=tokens.refresh_token, client=FIREFOX)
    assert again.refresh_token == first.refresh_token
    assert again.access_token != first.access_token
    assert await tokens_stored(database) == 2
    await refresh(refresh_token=again.refresh_token, client=FIREFOX)


@pytest.mark.parametrize(
    ("client", "after", "successor_used"),
    [("curl", timedelta(0), False), ("Firefox", TOO_LATE, False), ("Firefox", timedelta(0), True)],
    ids=["another program", "too late", "its successor was used"],
)
async def test_whatever_is_no_lost_answer_is_theft(
    client: str,
    after: timedelta,
    successor_used: bool,
    tokens: SessionTokens,
    refresh: RefreshSession,
    clock: FakeClock,
    database: Database,
) -> None:
    first = await refresh(refresh_token=tokens.refresh_token, client=FIREFOX)
    if successor_used:
        await refresh(refresh_token=first.refresh_token, client=FIREFOX)
    clock.advance(after)
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=tokens.refresh_token, client=Client(user_agent=client, address=""))
    assert await end_reasons(database) == {"token_reused"}


async def test_a_theft_is_a_warning_that_names_the_session_and_no_token_and_a_lost_answer_is_none(
    tokens: SessionTokens, refresh: RefreshSession, database: Database, clock: FakeClock
) -> None:
    with structlog.testing.capture_logs() as logged:
        first = await refresh(refresh_token=tokens.refresh_token, client=FIREFOX)
        await refresh(refresh_token=tokens.refresh_token, client=FIREFOX)
        assert logged == []
        clock.advance(TOO_LATE)
        with pytest.raises(RefreshTokenReused):
            await refresh(refresh_token=tokens.refresh_token, client=FIREFOX)

    async with database.reading() as connection:
        session = (await connection.execute(select(sessions))).one()
    assert logged == [
        {
            "event": "refresh_token_reused",
            "log_level": "warning",
            "account": str(session.account_id),
            "session": str(session.id),
        }
    ]
    for secret in (tokens.refresh_token, first.refresh_token):
        assert secret.reveal() not in str(logged)


async def test_a_lost_answer_of_a_session_that_is_over_revives_nothing(
    tokens: SessionTokens, refresh: RefreshSession, bus: Bus
) -> None:
    await refresh(refresh_token=tokens.refresh_token)
    await bus.execute(LogOut(refresh_token=tokens.refresh_token))
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=tokens.refresh_token)


async def test_twenty_refreshes_at_once_make_one_chain_twenty_times_over(
    tokens: SessionTokens, refresh: RefreshSession, database: Database
) -> None:
    for round in range(20):
        answers = await asyncio.gather(*(refresh(refresh_token=tokens.refresh_token) for _ in range(20)))
        assert len({answer.refresh_token.reveal() for answer in answers}) == 1
        assert await tokens_stored(database) == round + 2
        tokens = answers[0]
    assert await end_reasons(database) == {None}


async def test_of_twenty_programs_with_one_token_one_gets_an_answer_and_the_session_ends(
    tokens: SessionTokens, refresh: RefreshSession, database: Database
) -> None:
    outcomes = await asyncio.gather(
        *(
            refresh(refresh_token=tokens.refresh_token, client=Client(user_agent=f"bot {n}", address=""))
            for n in range(20)
        ),
        return_exceptions=True,
    )
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(error) for error in errors] == [RefreshTokenReused] * 19
    assert await end_reasons(database) == {"token_reused"}
    assert await tokens_stored(database) == 2


async def test_a_successor_of_the_secret_before_is_found_again(
    tokens: SessionTokens,
    refresh: RefreshSession,
    container: UsersContainer,
    database: Database,
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    first = await refresh(refresh_token=tokens.refresh_token)
    secret = users_secret(SecretStr("the secret that comes after it, as long"), given(container), folder=tmp_path)
    handler = RotateRefreshTokenHandler(
        clock, HmacRefreshSuccessors(secret), timedelta(days=30), timedelta(days=90)
    )
    async with unit_of_work(database, container.work, lambda: None) as work:
        lost = await handler(RotateRefreshToken(presented=tokens.refresh_token, client=UNKNOWN_CLIENT), work)
    assert isinstance(lost, LiveSession)
    assert lost.refresh_token == first.refresh_token


def given(container: UsersContainer) -> SecretStr:
    secret = container.settings().secret
    assert secret is not None
    return secret


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
