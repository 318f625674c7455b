"""Links in mails: confirm an address, set a forgotten password, take another address. With database and SMTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret, new_id
from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.confirm_email import ConfirmEmail
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.request_email_change import RequestEmailChange
from hedgerow_users.application.commands.request_link import RequestLink
from hedgerow_users.application.commands.reset_password import ResetPassword
from hedgerow_users.application.commands.verify_email import VerifyEmail
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone, EmailTaken, InvalidEmail
from hedgerow_users.domain.link import Purpose
from hedgerow_users.domain.proof_errors import InvalidCredentials, InvalidLink, WrongPassword
from hedgerow_users.domain.session_errors import InvalidRefreshToken

Register = Callable[..., Awaitable[AccountView]]

EMAIL, PASSWORD, ANOTHER = "ada@example.org", Secret("correct horse"), Secret("battery staple")
NEW_EMAIL = "ada@example.com"
RESET = "new password"
"""What the mail is about that resets a password."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

CodeFor = Callable[..., Secret]
Rows = Callable[..., Awaitable[Sequence[Row[Any]]]]
WorkOff = Callable[[], Awaitable[None]]


@pytest.fixture
async def ada(register: Register) -> AccountId:
    return AccountId((await register(email=EMAIL, password=PASSWORD, name="Ada")).id)


@pytest.fixture
def reset(container: UsersContainer, bus: Bus) -> ResetPassword:
    return container.reset_password(bus=bus)


@pytest.fixture
def change_email(container: UsersContainer, bus: Bus, proof: OwnerProof) -> RequestEmailChange:
    return container.request_email_change(bus=bus, proof=proof)


async def forgot(bus: Bus, email: str = EMAIL) -> None:
    await bus.execute(RequestLink(purpose=Purpose.RESET_PASSWORD, email=email))


# Confirm an address


async def test_who_registers_confirms_the_address_with_the_code_of_the_mail(
    ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor, clock: FakeClock
) -> None:
    await work_off()
    await bus.execute(VerifyEmail(code=code_for(EMAIL)))
    assert (await bus.ask(GetAccount(account_id=ada))).verified_at == clock.now()


async def test_a_code_is_good_for_one_use(ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor) -> None:
    await work_off()
    await bus.execute(VerifyEmail(code=code_for(EMAIL)))
    with pytest.raises(InvalidLink):
        await bus.execute(VerifyEmail(code=code_for(EMAIL)))


async def test_of_eight_uses_at_once_one_wins(
    ada: AccountId, reset: ResetPassword, bus: Bus, work_off: WorkOff, code_for: CodeFor
) -> None:
    await forgot(bus)
    await work_off()
    code = code_for(EMAIL, RESET)
    outcomes = await asyncio.gather(
        *(reset(code=code, new=Secret(f"password {n}")) for n in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidLink"] * 7 + ["NoneType"]


@pytest.mark.parametrize(("waited", "good"), [(DAY - timedelta(seconds=1), True), (DAY, False)])
async def test_a_link_that_confirms_is_good_for_a_day(
    ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor, clock: FakeClock, waited: timedelta, good: bool
) -> None:
    await work_off()
    clock.advance(waited)
    if good:
        await bus.execute(VerifyEmail(code=code_for(EMAIL)))
        return
    with pytest.raises(InvalidLink):
        await bus.execute(VerifyEmail(code=code_for(EMAIL)))


async def test_a_new_link_replaces_the_old_one(
    ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor, clock: FakeClock
) -> None:
    await work_off()
    old = code_for(EMAIL)
    clock.advance(MINUTE)
    await bus.execute(RequestLink(purpose=Purpose.VERIFY_EMAIL, email=EMAIL.upper()))
    await work_off()
    assert code_for(EMAIL) != old
    with pytest.raises(InvalidLink):
        await bus.execute(VerifyEmail(code=old))
    await bus.execute(VerifyEmail(code=code_for(EMAIL)))


async def test_who_has_confirmed_gets_no_further_mail(
    ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor, clock: FakeClock, mailbox: Mailbox
) -> None:
    await work_off()
    await bus.execute(VerifyEmail(code=code_for(EMAIL)))
    clock.advance(MINUTE)
    await bus.execute(RequestLink(purpose=Purpose.VERIFY_EMAIL, email=EMAIL))
    await work_off()
    assert len(mailbox.mails) == 1


async def test_a_code_opens_one_kind_of_door(
    ada: AccountId, bus: Bus, reset: ResetPassword, work_off: WorkOff, code_for: CodeFor
) -> None:
    await work_off()
    code = code_for(EMAIL)
    with pytest.raises(InvalidLink):
        await reset(code=code, new=ANOTHER)
    with pytest.raises(InvalidLink):
        await bus.execute(ConfirmEmail(code=code))


@pytest.mark.parametrize("code", ["", "no code of ours", "\ud800", "x" * 1000])
async def test_what_is_no_code_is_refused(bus: Bus, reset: ResetPassword, code: str) -> None:
    for attempt in (VerifyEmail(code=Secret(code)), ConfirmEmail(code=Secret(code))):
        with pytest.raises(InvalidLink):
            await bus.execute(attempt)
    with pytest.raises(InvalidLink):
        await reset(code=Secret(code), new=ANOTHER)


# What nobody learns


@pytest.mark.parametrize("purpose", [Purpose.VERIFY_EMAIL, Purpose.RESET_PASSWORD])
@pytest.mark.parametrize("email", [EMAIL, "eve@example.org"])
async def test_asking_costs_one_recorded_task_for_known_and_unknown_addresses(
    ada: AccountId, bus: Bus, rows: Rows, clock: FakeClock, email: str, purpose: Purpose
) -> None:
    clock.advance(MINUTE)
    before = (await rows("SELECT count(*) FROM deliveries"))[0][0]
    links = await rows("SELECT * FROM links")
    await bus.execute(RequestLink(purpose=purpose, email=email))
    assert (await rows("SELECT count(*) FROM deliveries"))[0][0] == before + 1
    assert await rows("SELECT * FROM links") == links


async def test_what_is_no_address_is_passed_over(bus: Bus, rows: Rows) -> None:
    await forgot(bus, "no address")
    assert await rows("SELECT * FROM deliveries") == []


async def test_an_unknown_address_gets_no_mail(bus: Bus, work_off: WorkOff, mailbox: Mailbox) -> None:
    await forgot(bus, "eve@example.org")
    await work_off()
    assert mailbox.mails == []


async def test_an_account_gets_a_mail_of_one_kind_a_minute(
    ada: AccountId, bus: Bus, work_off: WorkOff, mailbox: Mailbox, clock: FakeClock
) -> None:
    await work_off()
    mailbox.mails.clear()
    clock.advance(timedelta(seconds=40))  # and then again and again, for a minute
    for _ in range(4):
        await forgot(bus)
        await work_off()
        clock.advance(timedelta(seconds=15))
    assert len(mailbox.mails) == 1
    clock.advance(timedelta(seconds=1))
    await forgot(bus)
    await work_off()
    assert len(mailbox.mails) == 2


async def test_no_code_is_in_the_database(
    ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor, rows: Rows
) -> None:
    await forgot(bus)
    await work_off()
    code = code_for(EMAIL, RESET).reveal()
    for table in ("links", "deliveries", "outbox"):
        kept = str(await rows(f"SELECT t::text FROM {table} t"))
        assert code not in kept
        assert code.encode().hex() not in kept


async def test_a_mail_that_was_refused_is_sent_again_with_another_code(
    ada: AccountId, bus: Bus, work_off: WorkOff, code_for: CodeFor, mailbox: Mailbox, rows: Rows
) -> None:
    mailbox.refusal = "451 later"
    await work_off()
    ((errors, payload),) = await rows("SELECT errors::text, payload::text FROM deliveries")
    assert "MailNotSent" in errors
    assert EMAIL not in errors
    assert EMAIL in payload
    mailbox.refusal = None
    await rows("UPDATE deliveries SET next_at = now()")
    await work_off()
    await bus.execute(VerifyEmail(code=code_for(EMAIL)))


# Forgotten passwords


async def test_a_reset_replaces_the_password_and_ends_every_session(
    ada: AccountId,
    bus: Bus,
    reset: ResetPassword,
    log_in: LogIn,
    refresh: RefreshSession,
    work_off: WorkOff,
    code_for: CodeFor,
) -> None:
    tokens = await log_in(email=EMAIL, password=PASSWORD)
    await forgot(bus)
    await work_off()
    await reset(code=code_for(EMAIL, RESET), new=ANOTHER)
    with pytest.raises(InvalidCredentials):
        await log_in(email=EMAIL, password=PASSWORD)
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=tokens.refresh_token)
    await log_in(email=EMAIL, password=ANOTHER)
    assert (await bus.ask(GetAccount(account_id=ada))).verified_at is not None


@pytest.mark.parametrize(("minutes", "good"), [(29, True), (30, False)])
async def test_a_link_that_resets_is_good_for_half_an_hour(
    ada: AccountId,
    bus: Bus,
    reset: ResetPassword,
    work_off: WorkOff,
    code_for: CodeFor,
    clock: FakeClock,
    minutes: int,
    good: bool,
) -> None:
    await forgot(bus)
    await work_off()
    clock.advance(timedelta(minutes=minutes))
    if good:
        await reset(code=code_for(EMAIL, RESET), new=ANOTHER)
        return
    with pytest.raises(InvalidLink):
        await reset(code=code_for(EMAIL, RESET), new=ANOTHER)


async def test_a_changed_password_ends_the_links_that_wait(
    ada: AccountId,
    bus: Bus,
    reset: ResetPassword,
    change_password: ChangePassword,
    work_off: WorkOff,
    code_for: CodeFor,
) -> None:
    await forgot(bus)
    await work_off()
    await change_password(account_id=ada, current=PASSWORD, new=ANOTHER)
    with pytest.raises(InvalidLink):
        await reset(code=code_for(EMAIL, RESET), new=Secret("a third one"))


# Another address


async def test_another_address_is_confirmed_out_of_the_new_mailbox_and_told_to_the_old_one(
    ada: AccountId,
    bus: Bus,
    change_email: RequestEmailChange,
    log_in: LogIn,
    work_off: WorkOff,
    code_for: CodeFor,
    mailbox: Mailbox,
) -> None:
    await change_email(account_id=ada, current=PASSWORD, email=NEW_EMAIL)
    await work_off()
    assert (await bus.ask(GetAccount(account_id=ada))).email == EMAIL
    await bus.execute(ConfirmEmail(code=code_for(NEW_EMAIL)))
    await work_off()
    account = await bus.ask(GetAccount(account_id=ada))
    assert (account.email, account.verified_at is not None) == (NEW_EMAIL, True)
    assert "new e-mail address" in mailbox.to(EMAIL)[-1]["Subject"]
    await log_in(email=NEW_EMAIL, password=PASSWORD)
    with pytest.raises(InvalidCredentials):
        await log_in(email=EMAIL, password=PASSWORD)


async def test_another_address_needs_the_password(ada: AccountId, change_email: RequestEmailChange) -> None:
    with pytest.raises(WrongPassword):
        await change_email(account_id=ada, current=ANOTHER, email=NEW_EMAIL)
    with pytest.raises(InvalidEmail):
        await change_email(account_id=ada, current=PASSWORD, email="no address")


async def test_a_taken_address_is_answered_alike_and_gets_no_mail(
    ada: AccountId, register: Register, change_email: RequestEmailChange, work_off: WorkOff, mailbox: Mailbox
) -> None:
    await register(email=NEW_EMAIL, password=PASSWORD, name="Eve")
    await work_off()
    mailbox.mails.clear()
    await change_email(account_id=ada, current=PASSWORD, email=NEW_EMAIL)
    await work_off()
    assert mailbox.mails == []


async def test_an_address_that_was_taken_meanwhile_stays_with_its_owner(
    ada: AccountId,
    bus: Bus,
    register: Register,
    change_email: RequestEmailChange,
    work_off: WorkOff,
    code_for: CodeFor,
) -> None:
    await change_email(account_id=ada, current=PASSWORD, email=NEW_EMAIL)
    await work_off()
    code = code_for(NEW_EMAIL)
    await register(email=NEW_EMAIL.upper(), password=PASSWORD, name="Eve")
    with pytest.raises(EmailTaken):
        await bus.execute(ConfirmEmail(code=code))
    assert (await bus.ask(GetAccount(account_id=ada))).email == EMAIL


async def test_a_link_to_the_old_address_dies_with_the_change(
    ada: AccountId,
    bus: Bus,
    change_email: RequestEmailChange,
    reset: ResetPassword,
    work_off: WorkOff,
    code_for: CodeFor,
) -> None:
    await forgot(bus)
    await change_email(account_id=ada, current=PASSWORD, email=NEW_EMAIL)
    await work_off()
    old = code_for(EMAIL, RESET)
    await bus.execute(ConfirmEmail(code=code_for(NEW_EMAIL)))
    with pytest.raises(InvalidLink):
        await reset(code=old, new=ANOTHER)


async def test_a_change_that_waits_for_its_mail_dies_with_the_password(
    ada: AccountId,
    change_email: RequestEmailChange,
    change_password: ChangePassword,
    work_off: WorkOff,
    mailbox: Mailbox,
) -> None:
    await change_email(account_id=ada, current=PASSWORD, email=NEW_EMAIL)
    await change_password(account_id=ada, current=PASSWORD, new=ANOTHER)
    await work_off()
    assert mailbox.to(NEW_EMAIL) == []


async def test_addresses_are_asked_for_once_a_minute(
    ada: AccountId, change_email: RequestEmailChange, work_off: WorkOff, mailbox: Mailbox, clock: FakeClock
) -> None:
    for n in range(3):
        await change_email(account_id=ada, current=PASSWORD, email=f"ada{n}@example.com")
    clock.advance(MINUTE)
    await change_email(account_id=ada, current=PASSWORD, email="ada9@example.com")
    await work_off()
    arrived = [mail["To"] for mail in mailbox.mails if mail["To"] != EMAIL]
    assert arrived == ["ada9@example.com"], "the first was replaced before its mail left"


async def test_nobody_asks_for_another_address_in_the_name_of_nobody(change_email: RequestEmailChange) -> None:
    with pytest.raises(AccountGone):
        await change_email(account_id=AccountId(new_id()), current=PASSWORD, email=NEW_EMAIL)
