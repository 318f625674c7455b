"""Registration, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.messaging.tables import outbox
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.domain.account_errors import InvalidEmail
from hedgerow_users.domain.proof_errors import UnsuitablePassword
from hedgerow_users.infrastructure.argon2_hasher import OWASP
from hedgerow_users.infrastructure.tables import accounts

PASSWORD = Secret("correct horse")

Register = Callable[..., Awaitable[AccountView]]
Rows = Callable[..., Awaitable[Sequence[Any]]]
WorkOff = Callable[[], Awaitable[None]]


async def test_who_registers_has_an_account(register: Register, bus: Bus, clock: FakeClock) -> None:
    view = await register(email=" Ada@Example.org ", password=PASSWORD, name="Ada")
    assert (view.email, view.name, view.roles, view.created_at) == (
        "Ada@Example.org",
        "Ada",
        ("user",),
        clock.now(),
    )
    assert await bus.ask(GetAccount(account_id=view.id)) == view


async def test_a_registration_is_published_in_the_same_transaction(register: Register, database: Database) -> None:
    view = await register(email="ada@example.org", password=PASSWORD, name="Ada")
    async with database.reading() as connection:
        row = (await connection.execute(select(outbox))).one()
    assert (row.type, row.version, row.aggregate_id, row.aggregate_version) == (
        "users.user_registered",
        1,
        view.id,
        1,
    )
    assert row.payload == {
        "user_id": str(view.id),
        "email": "ada@example.org",
        "name": "Ada",
        "registered_at": "2026-01-15T12:00:00Z",
    }


async def test_one_address_has_one_account_in_whatever_letter_case(register: Register, rows: Rows) -> None:
    ada = await register(email="ada@example.org", password=PASSWORD, name="Ada")
    assert await register(email="ADA@example.ORG", password=Secret("another one"), name="Eve") == ada
    assert [tuple(row) for row in await rows("SELECT count(*), (SELECT count(*) FROM outbox) FROM accounts")] == [
        (1, 1)
    ]


async def test_of_eight_at_once_one_gets_the_address_and_nobody_is_told(
    register_user: RegisterUser, rows: Rows
) -> None:
    names = [f"Ada {n}" for n in range(8)]
    await asyncio.gather(*(register_user(email="ada@example.org", password=PASSWORD, name=name) for name in names))
    (made,) = await rows("SELECT name, (SELECT count(*) FROM outbox) AS events FROM accounts")
    assert made.name in names
    assert made.events == 1


async def test_the_newcomer_gets_a_link_and_a_later_one_with_the_address_warns_the_owner(
    register_user: RegisterUser, clock: FakeClock, work_off: WorkOff, mailbox: Mailbox
) -> None:
    await register_user(email="Ada@example.org", password=PASSWORD, name="Ada")
    await work_off()
    clock.advance(timedelta(minutes=1))
    await register_user(email="ADA@example.org", password=PASSWORD, name="Eve")
    await work_off()
    assert [mail["Subject"] for mail in mailbox.to("Ada@example.org")] == [
        "Confirm your e-mail address",
        "Somebody tried to register with your address",
    ]
    assert mailbox.to("ADA@example.org") == []
    assert "Eve" not in mailbox.to("Ada@example.org")[-1].get_content()


@pytest.mark.parametrize(("after", "warnings"), [(timedelta(minutes=59), 1), (timedelta(minutes=60), 2)])
async def test_an_owner_is_warned_once_an_hour(
    register_user: RegisterUser,
    clock: FakeClock,
    work_off: WorkOff,
    mailbox: Mailbox,
    after: timedelta,
    warnings: int,
) -> None:
    for wait in (timedelta(0), timedelta(minutes=1), after):
        clock.advance(wait)
        await register_user(email="ada@example.org", password=PASSWORD, name="Ada")
        await work_off()
    subjects = [mail["Subject"] for mail in mailbox.to("ada@example.org")]
    assert subjects.count("Somebody tried to register with your address") == warnings


async def test_an_account_that_was_closed_is_not_written_to(
    register_user: RegisterUser, rows: Rows, clock: FakeClock, work_off: WorkOff, mailbox: Mailbox
) -> None:
    await register_user(email="ada@example.org", password=PASSWORD, name="Ada")
    await rows("UPDATE accounts SET status = 'deactivated'")
    await work_off()
    clock.advance(timedelta(minutes=1))
    await register_user(email="ada@example.org", password=PASSWORD, name="Ada")
    await work_off()
    assert mailbox.to("ada@example.org") == []


@pytest.mark.parametrize("hashing_cost", [OWASP])
async def test_the_password_is_stored_as_an_argon2id_hash(register: Register, database: Database) -> None:
    await register(email="ada@example.org", password=PASSWORD, name="Ada")
    async with database.reading() as connection:
        stored = (await connection.execute(select(accounts.c.password_hash))).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_what_is_not_acceptable_is_refused_before_hashing(register: Register) -> None:
    with pytest.raises(InvalidEmail):
        await register(email="ada", password=PASSWORD, name="Ada")
    with pytest.raises(UnsuitablePassword):
        await register(email="ada@example.org", password=Secret("short"), name="Ada")
