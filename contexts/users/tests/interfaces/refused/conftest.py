"""One application for all tests of a file: what is refused changes nothing, and leaves it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contexts.users.tests.conftest import CHEAP, SECRET, wired
from contexts.users.tests.interfaces.conftest import (
    ADA,
    Rows,
    authorization,
    client_of,
    promoted_boss,
    registered_ada,
    served,
)
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import FakeClock, MigratedDatabases, bus_of, context_database, rows_of
from hedgerow_users import plugin
from hedgerow_users.container import UsersContainer
from hedgerow_users.settings import SmtpAddress, UsersSettings

for_the_file = pytest_asyncio.fixture(scope="module", loop_scope="module")
NO_MAIL = SmtpAddress.parse("smtp://127.0.0.1:9?starttls=never")
"""Nobody works, so nothing is sent."""


@pytest.fixture(scope="module")
def migrated(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(users=(plugin.migrations(),)) as address:
        yield address


@for_the_file
async def database(migrated: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(migrated, "users", constraints=plugin.manifest().constraints) as database:
        yield database


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def settings() -> UsersSettings:
    return UsersSettings(secret=SECRET, smtp_url=NO_MAIL)


@for_the_file
async def container(
    database: Database, clock: FakeClock, settings: UsersSettings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[UsersContainer]:
    async with wired(database, clock, settings, CHEAP, tmp_path_factory.mktemp("users")) as container:
        yield container


@for_the_file
async def http(container: UsersContainer, database: Database, clock: FakeClock) -> AsyncIterator[httpx.AsyncClient]:
    bus = bus_of(database, plugin.handlers(container))
    async with client_of(served(container, bus, clock)) as client:
        yield client


@pytest.fixture(scope="module")
def rows(database: Database) -> Rows:
    return rows_of(database)


@for_the_file
async def ada(http: httpx.AsyncClient, container: UsersContainer) -> dict[str, Any]:
    return await registered_ada(http, container)


@for_the_file
async def adas(http: httpx.AsyncClient, ada: dict[str, Any]) -> dict[str, str]:
    return await authorization(http, ADA)


@for_the_file
async def boss(http: httpx.AsyncClient, rows: Rows) -> dict[str, str]:
    return await promoted_boss(http, rows)
