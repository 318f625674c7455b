"""Hashes of weaker parameters are renewed when their owners log in, and never over a new password."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import argon2
import pytest
from sqlalchemy import Row, text

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.persistence import Database
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHash
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.proof_errors import InvalidCredentials
from hedgerow_users.infrastructure.argon2_hasher import OWASP, HashingCost

EMAIL, PASSWORD = "ada@example.org", Secret("correct horse")
WEAKER = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)

Register = Callable[..., Awaitable[AccountView]]
Rows = Callable[..., Awaitable[Sequence[Row[Any]]]]


@pytest.fixture
def hashing_cost() -> HashingCost:
    return OWASP


@pytest.fixture
async def outdated(register: Register, rows: Rows) -> str:
    """The hash of an account that an older build has registered."""
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    hash = WEAKER.hash(PASSWORD.reveal())
    await rows("UPDATE accounts SET password_hash = :hash", hash=hash)
    return hash


async def stored(rows: Rows) -> tuple[str, int]:
    ((hash, version),) = await rows("SELECT password_hash, version FROM accounts")
    return hash, version


async def test_a_login_renews_it_once_and_nothing_else_changes(outdated: str, log_in: LogIn, rows: Rows) -> None:
    _, version = await stored(rows)
    await log_in(email=EMAIL, password=PASSWORD)
    renewed = await stored(rows)
    assert renewed[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert renewed[1] == version
    await log_in(email=EMAIL, password=PASSWORD)
    assert await stored(rows) == renewed


async def test_a_wrong_password_renews_nothing(outdated: str, log_in: LogIn, rows: Rows) -> None:
    with pytest.raises(InvalidCredentials):
        await log_in(email=EMAIL, password=Secret("wrong horse"))
    assert (await stored(rows))[0] == outdated


@pytest.mark.parametrize("compares", [True, False])
async def test_a_password_that_is_changed_at_the_same_moment_stays(
    outdated: str, bus: Bus, database: Database, rows: Rows, compares: bool
) -> None:
    """And without the comparison it would not: so the moment is the right one."""
    ((id,),) = await rows("SELECT id FROM accounts")
    renew: Awaitable[object]
    if compares:
        renew = bus.execute(
            RenewPasswordHash(
                account_id=AccountId(id), outdated=PasswordHash(outdated), renewed=PasswordHash("renewed")
            )
        )
    else:
        renew = rows("UPDATE accounts SET password_hash = 'renewed' WHERE id = :id", id=id)
    async with database.transaction() as changing:
        await changing.execute(text("UPDATE accounts SET password_hash = 'changed'"))
        renewing = asyncio.ensure_future(renew)
        while not await rows("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await renewing
    assert (await stored(rows))[0] == ("changed" if compares else "renewed")
