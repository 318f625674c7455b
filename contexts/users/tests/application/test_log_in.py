"""Logging in, on a real database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret, new_id
from hedgerow_core.persistence import Database
from hedgerow_core.security import TokenIssuer, TokenVerifier
from hedgerow_core.testing import FakeClock
from hedgerow_users import plugin
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.log_in import LogIn, StartSession
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import UNKNOWN_CLIENT
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.proof_errors import InvalidCredentials
from hedgerow_users.infrastructure.tables import refresh_tokens

Register = Callable[..., Awaitable[AccountView]]

EMAIL, PASSWORD = "ada@example.org", Secret("correct horse")


async def test_the_access_token_speaks_for_the_account(
    register: Register, log_in: LogIn, container: UsersContainer, clock: FakeClock
) -> None:
    account = await register(email=EMAIL, password=PASSWORD, name="Ada")
    tokens = await log_in(email=" ADA@example.org", password=PASSWORD)
    issuers = [one for one in plugin.authenticators(container) if isinstance(one, TokenIssuer)]
    verifier = TokenVerifier(issuers, clock)
    principal = await verifier.verify(tokens.access_token.reveal())
    assert principal.subject == account.id
    assert principal.roles == {"user"}
    assert principal.session is not None


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong horse"),
        (EMAIL, ""),
        (EMAIL, "x" * 1000),
        ("eve@example.org", PASSWORD.reveal()),
        ("no address", PASSWORD.reveal()),
    ],
)
async def test_every_failure_looks_the_same(register: Register, log_in: LogIn, email: str, password: str) -> None:
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    with pytest.raises(InvalidCredentials):
        await log_in(email=email, password=Secret(password))


@pytest.mark.parametrize("email", [EMAIL, "eve@example.org", "no address"])
async def test_every_failure_costs_one_check_of_a_password(
    register: Register, container: UsersContainer, bus: Bus, email: str
) -> None:
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    hasher = CountingHasher()
    log_in = LogIn(bus, container.accounts(), hasher, container.access_tokens(), container.code_guard())
    with pytest.raises(InvalidCredentials):
        await log_in(email=email, password=Secret("wrong horse"))
    assert hasher.checks == 1


class CountingHasher:
    """Lets no password match, and counts how often it was asked (port `PasswordHasher`)."""

    def __init__(self) -> None:
        self.checks = 0

    def demand_room(self) -> None:
        return

    async def hash(self, password: Password) -> PasswordHash:
        raise NotImplementedError

    def is_outdated(self, known: PasswordHash) -> bool:
        raise NotImplementedError

    async def matches(self, password: Password, known: PasswordHash | None) -> bool:
        self.checks += 1
        return False


async def test_the_refresh_token_is_not_in_the_database(
    register: Register, log_in: LogIn, database: Database
) -> None:
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    tokens = await log_in(email=EMAIL, password=PASSWORD)
    async with database.reading() as connection:
        row = (await connection.execute(select(refresh_tokens))).one()
    assert tokens.refresh_token.reveal().encode() not in bytes(row.hash)
    assert len(row.hash) == 32


async def test_no_session_starts_for_a_password_that_was_changed_meanwhile(register: Register, bus: Bus) -> None:
    account = await register(email=EMAIL, password=PASSWORD, name="Ada")
    outdated = PasswordHash("what was checked before the change")
    with pytest.raises(InvalidCredentials):
        await bus.execute(StartSession(account_id=AccountId(account.id), verified=outdated, client=UNKNOWN_CLIENT))


async def test_no_session_starts_for_an_account_that_is_gone(bus: Bus) -> None:
    with pytest.raises(InvalidCredentials):
        await bus.execute(
            StartSession(account_id=AccountId(new_id()), verified=PasswordHash("any"), client=UNKNOWN_CLIENT)
        )
