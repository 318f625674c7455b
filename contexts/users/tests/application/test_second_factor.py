"""The second factor: enrolled with a code, asked for at logins, every code good once. On a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from hedgerow_core.application import Bus
from hedgerow_core.domain import DomainError, RateLimitError, Secret
from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users.application.commands.begin_second_factor import BeginSecondFactor
from hedgerow_users.application.commands.confirm_second_factor import ConfirmSecondFactor
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.log_in import LogIn, StartSession
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.commands.remove_second_factor import RemoveSecondFactor
from hedgerow_users.application.commands.renew_recovery_codes import RenewRecoveryCodes
from hedgerow_users.application.login_guard import AT_CODES, FROM_ANYWHERE, GuardedLogIn
from hedgerow_users.application.queries.get_second_factor import GetSecondFactor
from hedgerow_users.application.second_factor_ports import SecondFactorUnreadable
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import UNKNOWN_CLIENT
from hedgerow_users.domain.proof_errors import InvalidCredentials
from hedgerow_users.domain.second_factor import PENDING_FOR, RECOVERY_CODES, totp_code
from hedgerow_users.domain.second_factor_errors import (
    InvalidCode,
    SecondFactorOff,
    SecondFactorOn,
    SecondFactorRequired,
    WrongCode,
)
from hedgerow_users.domain.session_errors import InvalidRefreshToken
from hedgerow_users.infrastructure.repositories import AccountRepository
from hedgerow_users.infrastructure.second_factors import SecondFactorRepository
from hedgerow_users.infrastructure.session_repository import SessionRepository
from hedgerow_users.settings import UsersSettings

EMAIL, PASSWORD = "ada@example.org", Secret("correct horse")
HOME = "192.0.2.1"
STEP = timedelta(seconds=30)
A_MOMENT = timedelta(seconds=1)

Rows = Callable[..., Awaitable[Sequence[Any]]]
WorkOff = Callable[[], Awaitable[None]]


class App:
    """An authenticator app that shows the codes of one secret."""

    def __init__(self, secret: Secret, clock: FakeClock) -> None:
        self._totp = pyotp.TOTP(secret.reveal())
        self._clock = clock

    def shows(self, *, later: timedelta = timedelta(0)) -> Secret:
        return Secret(self._totp.at(self._clock.now() + later))

    def never_shows(self) -> Secret:
        near = {self.shows(later=steps * STEP).reveal() for steps in range(-3, 4)}
        return Secret(next(code for number in range(10) if (code := f"{number:06}") not in near))


@pytest.fixture
async def ada(register: RegisterUser, rows: Rows) -> AccountId:
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    (row,) = await rows("SELECT id FROM accounts WHERE email = :email", email=EMAIL)
    return AccountId(row.id)


@pytest.fixture
async def app(ada: AccountId, container: UsersContainer, bus: Bus, clock: FakeClock) -> App:
    verified = await container.current_password(bus=bus).verified(ada, PASSWORD)
    secret = await bus.execute(BeginSecondFactor(account_id=ada, verified=verified))
    return App(secret.text, clock)


@pytest.fixture
async def recovery(app: App, ada: AccountId, bus: Bus, clock: FakeClock) -> Sequence[Secret]:
    """The recovery codes of a factor that is on. Its first code is used, and the next one not yet shown."""
    codes = await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=app.shows()))
    clock.advance(STEP)
    return codes


async def outcome(of: Awaitable[object]) -> type[DomainError] | None:
    try:
        await of
    except DomainError as error:
        return type(error)
    return None


# Setting it up


async def test_until_a_code_confirms_it_nobody_is_asked_for_one(app: App, log_in: LogIn) -> None:
    await log_in(email=EMAIL, password=PASSWORD)


async def test_a_wrong_first_code_switches_nothing_on(app: App, ada: AccountId, bus: Bus, log_in: LogIn) -> None:
    for wrong in (app.never_shows(), Secret("no code"), Secret("")):
        with pytest.raises(WrongCode):
            await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=wrong))
    await log_in(email=EMAIL, password=PASSWORD)


async def test_a_secret_waits_an_hour_and_no_longer(app: App, ada: AccountId, bus: Bus, clock: FakeClock) -> None:
    clock.advance(PENDING_FOR + A_MOMENT)
    with pytest.raises(SecondFactorOff):
        await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=app.shows()))


async def test_only_the_latest_secret_that_was_shown_can_be_confirmed(
    app: App, ada: AccountId, container: UsersContainer, bus: Bus, clock: FakeClock
) -> None:
    verified = await container.current_password(bus=bus).verified(ada, PASSWORD)
    latest = App((await bus.execute(BeginSecondFactor(account_id=ada, verified=verified))).text, clock)
    with pytest.raises(WrongCode):
        await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=app.shows()))
    await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=latest.shows()))


async def test_one_that_is_on_is_neither_replaced_nor_confirmed_again(
    app: App, recovery: Sequence[Secret], ada: AccountId, container: UsersContainer, bus: Bus
) -> None:
    verified = await container.current_password(bus=bus).verified(ada, PASSWORD)
    with pytest.raises(SecondFactorOn):
        await bus.execute(BeginSecondFactor(account_id=ada, verified=verified))
    with pytest.raises(SecondFactorOn):
        await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=app.shows()))


async def test_neither_secret_nor_recovery_codes_lie_in_the_clear(
    app: App, recovery: Sequence[Secret], rows: Rows
) -> None:
    stored = str(await rows("SELECT * FROM second_factors, recovery_codes"))
    stored += str(await rows("SELECT payload FROM deliveries"))
    assert app._totp.secret not in stored
    for code in recovery:
        assert code.reveal() not in stored
        assert code.reveal().replace("-", "") not in stored


# Logging in


async def test_without_a_code_the_right_password_is_asked_for_one_and_a_wrong_password_is_told_nothing(
    app: App, recovery: Sequence[Secret], log_in: LogIn
) -> None:
    with pytest.raises(SecondFactorRequired):
        await log_in(email=EMAIL, password=PASSWORD)
    for code in (None, app.shows(), app.never_shows()):
        with pytest.raises(InvalidCredentials):
            await log_in(email=EMAIL, password=Secret("wrong horse"), code=code)
    await log_in(email=EMAIL, password=PASSWORD, code=app.shows())


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_a_code_is_good_one_step_before_and_after_its_own(
    app: App, recovery: Sequence[Secret], log_in: LogIn, clock: FakeClock, steps: int, good: bool
) -> None:
    clock.advance(10 * STEP)
    found = await outcome(log_in(email=EMAIL, password=PASSWORD, code=app.shows(later=steps * STEP)))
    assert found == (None if good else InvalidCode)


async def test_a_code_is_accepted_once_and_none_before_it_any_more(
    app: App, recovery: Sequence[Secret], log_in: LogIn
) -> None:
    this, next = app.shows(), app.shows(later=STEP)
    await log_in(email=EMAIL, password=PASSWORD, code=next)
    for used in (next, this):
        with pytest.raises(InvalidCode):
            await log_in(email=EMAIL, password=PASSWORD, code=used)


async def test_the_code_that_confirmed_it_logs_nobody_in(app: App, ada: AccountId, bus: Bus, log_in: LogIn) -> None:
    code = app.shows()
    await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=code))
    with pytest.raises(InvalidCode):
        await log_in(email=EMAIL, password=PASSWORD, code=code)


Start = Callable[[Secret | None], Awaitable[type[DomainError] | None]]


@pytest.fixture
async def start(ada: AccountId, container: UsersContainer, bus: Bus) -> Start:
    """Starts a session behind the right password, without hashing and counting: the database alone decides."""
    verified = await container.current_password(bus=bus).verified(ada, PASSWORD)

    def start(code: Secret | None) -> Awaitable[type[DomainError] | None]:
        command = StartSession(account_id=ada, verified=verified, client=UNKNOWN_CLIENT, code=code)
        return outcome(bus.execute(command))

    return start


async def test_twenty_logins_at_once_with_one_code_start_one_session(
    app: App, recovery: Sequence[Secret], start: Start, rows: Rows
) -> None:
    for code in (app.shows(), recovery[0]):
        before = await sessions(rows)
        found = await asyncio.gather(*(start(code) for _ in range(20)))
        assert Counter(found) == {None: 1, InvalidCode: 19}
        assert await sessions(rows) == before + 1


async def test_without_compare_and_set_the_same_race_starts_several(
    app: App, recovery: Sequence[Secret], start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: whoever looks first and writes afterwards lets several through."""

    async def looks_first(self: SecondFactorRepository, account_id: AccountId, step: int) -> bool:
        look = text("SELECT last_step < :step FROM second_factors WHERE account_id = :id")
        write = text("UPDATE second_factors SET last_step = :step WHERE account_id = :id")
        values = {"step": step, "id": account_id}
        fresh = bool((await self._connection.execute(look, values)).scalar_one())
        await asyncio.sleep(0.2)
        await self._connection.execute(write, values)
        return fresh

    monkeypatch.setattr(SecondFactorRepository, "use_step", looks_first)
    code = app.shows()
    assert Counter(await asyncio.gather(*(start(code) for _ in range(5))))[None] > 1


async def sessions(rows: Rows) -> int:
    return int((await rows("SELECT count(*) AS n FROM sessions"))[0].n)


async def test_a_recovery_code_logs_in_once_however_it_is_typed_and_the_owner_is_told(
    recovery: Sequence[Secret], log_in: LogIn, bus: Bus, ada: AccountId, work_off: WorkOff, mailbox: Mailbox
) -> None:
    typed = Secret(recovery[0].reveal().upper().replace("-", " "))
    await log_in(email=EMAIL, password=PASSWORD, code=typed)
    with pytest.raises(InvalidCode):
        await log_in(email=EMAIL, password=PASSWORD, code=recovery[0])
    assert (await bus.ask(GetSecondFactor(account_id=ada))).recovery_codes_left == RECOVERY_CODES - 1
    await work_off()
    assert "recovery code was used" in mailbox.wait_for(EMAIL, about="recovery code")["Subject"]


async def test_a_code_that_opened_nothing_is_as_good_as_before(
    app: App, recovery: Sequence[Secret], log_in: LogIn, rows: Rows
) -> None:
    await rows("UPDATE accounts SET status = 'deactivated'")
    await outcome(log_in(email=EMAIL, password=PASSWORD, code=app.shows()))
    await rows("UPDATE accounts SET status = 'active'")
    await log_in(email=EMAIL, password=PASSWORD, code=app.shows())


# Guessing


async def test_codes_are_guessed_ten_times_an_hour_wherever_from_known_networks_included(
    app: App, recovery: Sequence[Secret], container: UsersContainer, bus: Bus
) -> None:
    guarded = container.guarded_log_in(log_in=container.log_in(bus=bus))
    await guarded(email=EMAIL, password=PASSWORD, code=app.shows(), network=HOME)  # known from now on
    found = []
    for number in range(9):
        found.append(await outcome(guess(guarded, app, network=HOME if number % 2 else f"203.0.113.{number}")))
    assert found == [InvalidCode] * (AT_CODES.burst - 1)
    for network in (HOME, "203.0.113.200", "198.51.100.7"):
        assert await outcome(guess(guarded, app, network=network)) is RateLimitError
    assert await outcome(right(guarded, app, network=HOME)) is RateLimitError


async def test_who_is_asked_for_a_code_has_used_no_guess_up(
    app: App, recovery: Sequence[Secret], container: UsersContainer, bus: Bus
) -> None:
    guarded = container.guarded_log_in(log_in=container.log_in(bus=bus))
    for _ in range(2 * FROM_ANYWHERE.burst):
        assert await outcome(guarded(email=EMAIL, password=PASSWORD, network=HOME)) is SecondFactorRequired
    assert await outcome(right(guarded, app, network=HOME)) is None


async def test_without_the_guard_codes_are_guessed_for_ever(
    app: App, recovery: Sequence[Secret], container: UsersContainer, bus: Bus
) -> None:
    """The twin."""

    class Unguarded:
        async def spend(self, account_id: AccountId) -> None: ...

    log_in = LogIn(bus, container.accounts(), container.hasher(), container.access_tokens(), Unguarded())
    for _ in range(AT_CODES.burst + 2):
        assert await outcome(log_in(email=EMAIL, password=PASSWORD, code=app.never_shows())) is InvalidCode


async def test_who_lacks_the_password_uses_up_no_guess_at_codes(
    app: App, recovery: Sequence[Secret], container: UsersContainer, bus: Bus
) -> None:
    guarded = container.guarded_log_in(log_in=container.log_in(bus=bus))
    await guarded(email=EMAIL, password=PASSWORD, code=recovery[0], network=HOME)
    for number in range(9):
        stranger = guarded(
            email=EMAIL, password=Secret("wrong"), code=app.never_shows(), network=f"203.0.113.{number}"
        )
        assert await outcome(stranger) is InvalidCredentials
    await right(guarded, app, network=HOME)


async def guess(guarded: GuardedLogIn, app: App, *, network: str) -> object:
    return await guarded(email=EMAIL, password=PASSWORD, code=app.never_shows(), network=network)


async def right(guarded: GuardedLogIn, app: App, *, network: str) -> object:
    return await guarded(email=EMAIL, password=PASSWORD, code=app.shows(later=STEP), network=network)


# Changing it


async def test_switching_it_on_ends_the_sessions_of_before(
    app: App, ada: AccountId, bus: Bus, log_in: LogIn, refresh: RefreshSession
) -> None:
    before = await log_in(email=EMAIL, password=PASSWORD)
    await bus.execute(ConfirmSecondFactor(account_id=ada, session_id=None, code=app.shows()))
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=before.refresh_token)


@pytest.mark.parametrize("taken", [True, False], ids=["the account is taken", "the twin: it is only read"])
async def test_no_login_without_a_code_slips_through_while_it_is_switched_on(
    app: App, ada: AccountId, bus: Bus, start: Start, rows: Rows, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    end_all = SessionRepository.end_all
    ended = asyncio.Event()

    async def slow_end_all(self: SessionRepository, *of: Any, **at: Any) -> None:
        await end_all(self, *of, **at)
        ended.set()
        await asyncio.sleep(0.3)  # sessions that begin now are not among those that were ended

    monkeypatch.setattr(SessionRepository, "end_all", slow_end_all)
    if not taken:
        monkeypatch.setattr(AccountRepository, "take", AccountRepository.find)
    command = ConfirmSecondFactor(account_id=ada, session_id=None, code=app.shows())
    confirming = asyncio.create_task(bus.execute(command))
    await ended.wait()
    found = await start(None)
    await confirming
    assert found is (SecondFactorRequired if taken else None)
    alive = await rows("SELECT id FROM sessions WHERE ended_at IS NULL")
    assert len(alive) == (0 if taken else 1)


async def test_new_recovery_codes_replace_those_of_before(
    app: App, recovery: Sequence[Secret], ada: AccountId, container: UsersContainer, bus: Bus, log_in: LogIn
) -> None:
    verified = await container.current_password(bus=bus).verified(ada, PASSWORD)
    for wrong in (app.never_shows(), Secret("aaaa-bbbb-cccc-dddd-eeee-ffff")):
        with pytest.raises(WrongCode):
            await bus.execute(RenewRecoveryCodes(account_id=ada, verified=verified, code=wrong))
    fresh = await bus.execute(RenewRecoveryCodes(account_id=ada, verified=verified, code=app.shows()))
    assert len({code.reveal() for code in (*fresh, *recovery)}) == 2 * RECOVERY_CODES
    with pytest.raises(InvalidCode):
        await log_in(email=EMAIL, password=PASSWORD, code=recovery[0])
    await log_in(email=EMAIL, password=PASSWORD, code=fresh[0])


async def test_it_is_removed_with_password_and_code_and_every_session_ends(
    app: App,
    recovery: Sequence[Secret],
    ada: AccountId,
    container: UsersContainer,
    bus: Bus,
    log_in: LogIn,
    refresh: RefreshSession,
) -> None:
    tokens = await log_in(email=EMAIL, password=PASSWORD, code=app.shows())
    verified = await container.current_password(bus=bus).verified(ada, PASSWORD)
    with pytest.raises(WrongCode):
        await bus.execute(RemoveSecondFactor(account_id=ada, verified=verified, code=app.shows()))
    await bus.execute(RemoveSecondFactor(account_id=ada, verified=verified, code=recovery[0]))
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=tokens.refresh_token)
    await log_in(email=EMAIL, password=PASSWORD)
    with pytest.raises(SecondFactorOff):
        await bus.execute(RemoveSecondFactor(account_id=ada, verified=verified, code=recovery[1]))


async def test_a_password_that_is_reset_by_mail_leaves_it_on(
    app: App,
    recovery: Sequence[Secret],
    container: UsersContainer,
    bus: Bus,
    log_in: LogIn,
    work_off: WorkOff,
    code_for: Callable[..., Secret],
) -> None:
    from hedgerow_users.application.commands.request_link import RequestLink
    from hedgerow_users.domain.link import Purpose

    await bus.execute(RequestLink(purpose=Purpose.RESET_PASSWORD, email=EMAIL))
    await work_off()
    new = Secret("battery staple")
    await container.reset_password(bus=bus)(code=code_for(EMAIL, "new password"), new=new)
    with pytest.raises(SecondFactorRequired):
        await log_in(email=EMAIL, password=new)


async def test_who_deletes_the_account_leaves_no_factor_behind(
    recovery: Sequence[Secret], ada: AccountId, bus: Bus, rows: Rows
) -> None:
    await bus.execute(DeleteOwnAccount(account_id=ada))
    assert await rows("SELECT 1 FROM second_factors") == []
    assert await rows("SELECT 1 FROM recovery_codes") == []


# Another server secret


async def test_secrets_are_sealed_anew_so_that_the_server_secret_before_is_no_longer_needed(
    app: App, recovery: Sequence[Secret], container: UsersContainer, ada: AccountId, start: Start
) -> None:
    another = UsersSettings(secret=SecretStr("another server secret, long enough"))
    both = another.model_copy(update={"secret_previous": container.settings().secret})
    container.server_secret.reset()
    container.settings.override(both)
    assert await container.second_factors().reseal(container.second_factor_seal()) == 0
    container.server_secret.reset()
    container.settings.override(another)
    secrets = container.second_factor_secrets()
    async with container.core.database().transaction() as connection:
        factor = await SecondFactorRepository(connection).find(ada)
    assert factor is not None
    code = totp_code(app.shows())
    assert code is not None
    assert secrets.step_of(factor, code, at=container.core.clock().now()) is not None


async def test_a_secret_that_can_not_be_decrypted_lets_no_code_in_but_recovery_codes(
    app: App, recovery: Sequence[Secret], start: Start, rows: Rows
) -> None:
    await rows("UPDATE second_factors SET sealed_secret = 'of another server secret'")
    assert await start(None) is SecondFactorRequired
    assert await start(app.shows()) is SecondFactorUnreadable
    assert await start(recovery[0]) is None
