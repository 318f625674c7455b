"""The whole context on a real database, wired by its own container, without a host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from hedgerow_core.application import Bus
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.testing import FakeClock, context_database
from hedgerow_users import plugin
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.container import UsersContainer
from hedgerow_users.settings import UsersSettings

SECRET = SecretStr("for tests alone, and so it is no secret")


@pytest.fixture
async def database(fresh_database: DatabaseAddress) -> AsyncIterator[Database]:
    constraints = plugin.manifest().constraints
    async with context_database(
        fresh_database, "users", [plugin.migrations()], constraints=constraints
    ) as database:
        yield database


@pytest.fixture
async def container(database: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[UsersContainer]:
    core = CoreContainer(context="users", environment="test", data_dir=tmp_path, clock=clock, database=database)
    container = plugin.container(core, UsersSettings(secret=SECRET))
    container.check_dependencies()
    async with plugin.lifespan(container):
        yield container


@pytest.fixture
def bus(container: UsersContainer, database: Database) -> Bus:
    handlers = plugin.handlers(container)
    return Bus(
        commands=handlers.commands,
        queries=handlers.queries,
        open_work=lambda: unit_of_work(database, handlers.work, lambda: None),
    )


@pytest.fixture
def register(container: UsersContainer, bus: Bus) -> RegisterUser:
    return container.register_user(bus=bus)


@pytest.fixture
def log_in(container: UsersContainer, bus: Bus) -> LogIn:
    return container.log_in(bus=bus)


@pytest.fixture
def refresh(container: UsersContainer, bus: Bus) -> RefreshSession:
    return container.refresh_session(bus=bus)


@pytest.fixture
def change_password(container: UsersContainer, bus: Bus) -> ChangePassword:
    return container.change_password(bus=bus)
