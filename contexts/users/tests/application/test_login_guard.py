"""Guessing at an account is slowed down; its owner still gets in from where they have been before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hedgerow_core.application import Bus
from hedgerow_core.domain import RateLimitError, Secret
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.current_password import AT_CURRENT_PASSWORD
from hedgerow_users.application.login_guard import FROM_ANYWHERE, REMEMBERED_FOR, GuardedLogIn
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.password_ports import HashingBusy
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.proof_errors import InvalidCredentials, WrongPassword
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher

Register = Callable[..., Awaitable[AccountView]]

ADA, RIGHT, WRONG = "ada@example.org", Secret("correct horse"), Secret("battery staple")
EVE = "eve@example.org"
HOME, ELSEWHERE, CAFE = "192.0.2.1", "203.0.113.9", "198.51.100.7"


@pytest.fixture
async def guarded(container: UsersContainer, bus: Bus, register: Register) -> GuardedLogIn:
    await register(email=ADA, password=RIGHT, name="Ada")
    return container.guarded_log_in(log_in=container.log_in(bus=bus))


async def guess(guarded: GuardedLogIn, times: int, *, email: str = ADA, network: str | None = None) -> list[type]:
    outcomes: list[type] = []
    for number in range(times):
        try:
            await guarded(email=email, password=WRONG, network=network or f"203.0.113.{number}")
        except (InvalidCredentials, RateLimitError) as error:
            outcomes.append(type(error))
    return outcomes


async def test_ten_guesses_an_hour_from_however_many_networks(guarded: GuardedLogIn) -> None:
    outcomes = await guess(guarded, 12)

    assert outcomes == [InvalidCredentials] * FROM_ANYWHERE.burst + [RateLimitError] * 2
    with pytest.raises(RateLimitError) as refused:
        await guarded(email=" ADA@EXAMPLE.ORG ", password=RIGHT, network=ELSEWHERE)
    assert refused.value.retry_after <= timedelta(minutes=6)


@pytest.mark.parametrize("known", [True, False])
async def test_who_knows_the_password_uses_no_guesses_up(guarded: GuardedLogIn, known: bool) -> None:
    for number in range(2 * FROM_ANYWHERE.burst):
        await guarded(email=ADA, password=RIGHT, network=HOME if known else f"203.0.113.{number}")

    assert (await guess(guarded, 12, network=HOME)).count(RateLimitError) == 2


async def test_an_address_without_account_is_throttled_alike(guarded: GuardedLogIn) -> None:
    for nobody in ("eve@example.org", "no address", "\ud800"):
        assert (await guess(guarded, 12, email=nobody)).count(RateLimitError) == 2


async def test_the_owner_gets_in_from_a_known_network_while_others_guess(guarded: GuardedLogIn) -> None:
    await guarded(email=ADA, password=RIGHT, network=HOME)
    assert RateLimitError in await guess(guarded, 12)

    assert await guarded(email=ADA.upper(), password=RIGHT, network=HOME)
    with pytest.raises(RateLimitError):  # the twin: from a network that she was never in
        await guarded(email=ADA, password=RIGHT, network=CAFE)


async def test_a_known_network_has_no_endless_guesses_either(guarded: GuardedLogIn) -> None:
    await guarded(email=ADA, password=RIGHT, network=HOME)

    assert (await guess(guarded, 12, network=HOME)).count(RateLimitError) == 2


async def test_a_network_is_known_for_the_account_that_logged_in_there_alone(
    guarded: GuardedLogIn, register: Register
) -> None:
    await register(email="eve@example.org", password=RIGHT, name="Eve")
    await guarded(email="eve@example.org", password=RIGHT, network=HOME)
    await guess(guarded, 12)

    with pytest.raises(RateLimitError):
        await guarded(email=ADA, password=RIGHT, network=HOME)


async def test_a_wrong_password_makes_no_network_known(guarded: GuardedLogIn) -> None:
    await guess(guarded, 12, network=HOME)

    with pytest.raises(RateLimitError):
        await guarded(email=ADA, password=RIGHT, network=HOME)


async def test_a_network_is_forgotten_after_ninety_days_without_a_login(
    guarded: GuardedLogIn, clock: FakeClock
) -> None:
    await guarded(email=ADA, password=RIGHT, network=HOME)
    clock.advance(REMEMBERED_FOR + timedelta(seconds=1))
    await guess(guarded, 12)

    with pytest.raises(RateLimitError):
        await guarded(email=ADA, password=RIGHT, network=HOME)


async def test_nothing_remembered_names_anybody_and_the_old_is_cleared_up(
    guarded: GuardedLogIn, clock: FakeClock, database: Database
) -> None:
    from sqlalchemy import text

    await guarded(email=ADA, password=RIGHT, network=HOME)
    clock.advance(REMEMBERED_FOR + timedelta(seconds=1))
    await guarded(email=ADA, password=RIGHT, network=CAFE)

    async with database.reading() as connection:
        rows = (await connection.execute(text("SELECT * FROM known_networks"))).all()
    assert len(rows) == 1
    assert HOME not in str(rows)
    assert ADA not in str(rows)


def test_the_limiter_of_a_container_is_its_own(container: UsersContainer) -> None:
    assert isinstance(container.core.limiter(), InProcessLimiter)
    assert container.core.limiter() is container.core.limiter()


async def id_of(container: UsersContainer, email: str) -> AccountId:
    known = await container.accounts().credentials_of_email(Email.written(email))
    assert known is not None
    return known.account_id


async def test_who_holds_an_access_token_has_ten_guesses_an_hour_at_the_password(
    container: UsersContainer, bus: Bus, proof: OwnerProof
) -> None:
    """Over all routes together that ask for it; other accounts, and logins, have their own."""
    for email in (ADA, EVE):
        await container.register_user(bus=bus)(email=email, password=RIGHT, name="Somebody")
    ada, eve = await id_of(container, ADA), await id_of(container, EVE)
    change = container.change_password(bus=bus, proof=proof)
    move = container.request_email_change(bus=bus, proof=proof)

    for _ in range(5):
        with pytest.raises(WrongPassword):
            await change(account_id=ada, current=WRONG, new=Secret("another one"))
        with pytest.raises(WrongPassword):
            await move(account_id=ada, current=WRONG, email="ada@example.com")

    with pytest.raises(RateLimitError):
        await change(account_id=ada, current=RIGHT, new=Secret("another one"))
    with pytest.raises(RateLimitError):
        await move(account_id=ada, current=RIGHT, email="ada@example.com")
    await container.log_in(bus=bus)(email=ADA, password=RIGHT)
    await change(account_id=eve, current=RIGHT, new=Secret("another one"))


async def test_who_proves_the_password_uses_no_guesses_up(container: UsersContainer, bus: Bus) -> None:
    await container.register_user(bus=bus)(email=ADA, password=RIGHT, name="Ada")
    ada, current = await id_of(container, ADA), container.current_password(bus=bus)

    for _ in range(2 * AT_CURRENT_PASSWORD.burst):
        await current.verified(ada, RIGHT)


async def test_guesses_at_logins_keep_nobody_from_changing_the_password(
    guarded: GuardedLogIn, container: UsersContainer, bus: Bus, proof: OwnerProof
) -> None:
    await guess(guarded, 12)
    change = container.change_password(bus=bus, proof=proof)
    await change(account_id=await id_of(container, ADA), current=RIGHT, new=Secret("another one"))


async def test_a_login_that_could_not_be_hashed_is_refused_before_it_counts_as_a_guess(
    guarded: GuardedLogIn, container: UsersContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_nothing: object) -> None:
        raise HashingBusy

    with monkeypatch.context() as storm:
        storm.setattr(Argon2Hasher, "demand_room", full)
        for _ in range(3 * FROM_ANYWHERE.limit):
            with pytest.raises(HashingBusy):
                await guarded(email=ADA, password=RIGHT, network=HOME)
    await guarded(email=ADA, password=RIGHT, network=HOME)
