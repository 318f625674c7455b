"""Registration, on a real database."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.messaging.tables import outbox
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.queries.get_account import GetAccount
from hedgerow_users.domain.errors import EmailTaken, InvalidEmail, UnsuitablePassword
from hedgerow_users.infrastructure.tables import accounts

PASSWORD = Secret("correct horse")


async def test_who_registers_has_an_account(register: RegisterUser, bus: Bus, clock: FakeClock) -> None:
    view = await register(email=" Ada@Example.org ", password=PASSWORD, name="Ada")
    assert (view.email, view.name, view.roles, view.created_at) == (
        "Ada@Example.org",
        "Ada",
        ("user",),
        clock.now(),
    )
    assert await bus.ask(GetAccount(account_id=view.id)) == view


async def test_a_registration_is_published_in_the_same_transaction(
    register: RegisterUser, database: Database
) -> None:
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


async def test_one_address_has_one_account_in_whatever_letter_case(register: RegisterUser) -> None:
    await register(email="ada@example.org", password=PASSWORD, name="Ada")
    with pytest.raises(EmailTaken):
        await register(email="ADA@example.ORG", password=PASSWORD, name="Eve")


async def test_of_eight_at_once_one_gets_the_address(register: RegisterUser, database: Database) -> None:
    outcomes = await asyncio.gather(
        *(register(email="ada@example.org", password=PASSWORD, name=f"Ada {n}") for n in range(8)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(error) for error in refused] == [EmailTaken] * 7
    async with database.reading() as connection:
        counts = select(
            select(func.count()).select_from(accounts).scalar_subquery(),
            select(func.count()).select_from(outbox).scalar_subquery(),
        )
        assert tuple((await connection.execute(counts)).one()) == (1, 1)


async def test_the_password_is_stored_as_an_argon2id_hash(register: RegisterUser, database: Database) -> None:
    await register(email="ada@example.org", password=PASSWORD, name="Ada")
    async with database.reading() as connection:
        stored = (await connection.execute(select(accounts.c.password_hash))).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_what_is_not_acceptable_is_refused_before_hashing(register: RegisterUser) -> None:
    with pytest.raises(InvalidEmail):
        await register(email="ada", password=PASSWORD, name="Ada")
    with pytest.raises(UnsuitablePassword):
        await register(email="ada@example.org", password=Secret("short"), name="Ada")
