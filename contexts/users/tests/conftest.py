"""The whole context on a real database, wired by its own container, without a host."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.security import PermissionTable
from hedgerow_core.testing import (
    FakeClock,
    MigratedDatabases,
    Rows,
    WorkOff,
    bus_of,
    context_database,
    rows_of,
    worker_of,
)
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users import plugin
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.email import Email
from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher, HashingCost
from hedgerow_users.settings import SmtpAddress, UsersSettings

Register = Callable[..., Awaitable[AccountView]]

SECRET = SecretStr("for tests alone, and so it is no secret")
CHEAP = HashingCost(memory_kib=8, passes=1)
"""Next to nothing, unless a test is about passwords: these tests hash some thousand times."""


@pytest.fixture
def migrated(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(users=(plugin.migrations(),)) as address:
        yield address


@pytest.fixture
async def database(migrated: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(migrated, "users", constraints=plugin.manifest().constraints) as database:
        yield database


@pytest.fixture
def settings(mailbox: Mailbox) -> UsersSettings:
    return UsersSettings(secret=SECRET, smtp_url=SmtpAddress.parse(mailbox.url))


@pytest.fixture
def hashing_cost() -> HashingCost:
    return CHEAP


@pytest.fixture
async def container(
    database: Database, clock: FakeClock, settings: UsersSettings, hashing_cost: HashingCost, tmp_path: Path
) -> AsyncIterator[UsersContainer]:
    async with wired(database, clock, settings, hashing_cost, tmp_path) as container:
        yield container


@asynccontextmanager
async def wired(
    database: Database, clock: FakeClock, settings: UsersSettings, hashing_cost: HashingCost, data_dir: Path
) -> AsyncIterator[UsersContainer]:
    """The container as a host makes it and runs it."""
    core = CoreContainer(
        context="users",
        environment="test",
        data_dir=data_dir,
        clock=clock,
        database=database,
        permissions=PermissionTable(plugin.manifest().permissions, contexts=["users"]),
    )
    container = plugin.container(core, settings)
    container.check_dependencies()
    container.hasher.override(Argon2Hasher(queue=settings.hashing_queue, cost=hashing_cost))
    async with plugin.lifespan(container):
        yield container


@pytest.fixture
def bus(container: UsersContainer, database: Database) -> Bus:
    return bus_of(database, plugin.handlers(container))


@pytest.fixture
def register_user(container: UsersContainer, bus: Bus) -> RegisterUser:
    return container.register_user(bus=bus)


@pytest.fixture
def register(register_user: RegisterUser, container: UsersContainer) -> Register:
    """Register somebody new, and look at the account that came of it, which the use case itself does not tell."""

    async def register(*, email: str, password: Secret, name: str) -> AccountView:
        await register_user(email=email, password=password, name=name)
        known = await container.accounts().credentials_of_email(Email.written(email))
        assert known is not None
        view = await container.accounts().view(known.account_id)
        assert view is not None
        return view

    return register


@pytest.fixture
def log_in(container: UsersContainer, bus: Bus) -> LogIn:
    return container.log_in(bus=bus)


@pytest.fixture
def refresh(container: UsersContainer, bus: Bus) -> RefreshSession:
    return container.refresh_session(bus=bus)


@pytest.fixture
def proof(container: UsersContainer, bus: Bus) -> OwnerProof:
    return container.owner_proof(current_password=container.current_password(bus=bus))


@pytest.fixture
def change_password(container: UsersContainer, bus: Bus, proof: OwnerProof) -> ChangePassword:
    return container.change_password(bus=bus, proof=proof)


@pytest.fixture
def work_off(container: UsersContainer, database: Database, clock: FakeClock) -> WorkOff:
    """Have a worker do all that is due: above all, send mail."""
    return worker_of(database, plugin.handlers(container), plugin.subscriptions(), clock)


@pytest.fixture
def rows(database: Database) -> Rows:
    return rows_of(database)


@pytest.fixture
def code_for(mailbox: Mailbox) -> Callable[..., Secret]:
    """The code in the latest mail to an address, about something if that matters."""

    def code_for(address: str, about: str = "") -> Secret:
        mails = [mail for mail in mailbox.to(address) if about in mail["Subject"]]
        (code,) = re.findall(r"[\w-]{43}", mails[-1].get_content())
        return Secret(code)

    return code_for
