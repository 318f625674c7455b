"""One application for all tests of a file: each has a customer of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from contexts.billing.tests.conftest import sandbox_settings, wired
from contexts.billing.tests.interfaces.conftest import client_of, served
from hedgerow_billing import plugin
from hedgerow_billing.container import BillingContainer
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import (
    FakeClock,
    MigratedDatabases,
    WorkOff,
    bus_of,
    context_database,
    worker_of,
)

for_the_file = pytest_asyncio.fixture(scope="module", loop_scope="module")


@pytest.fixture(scope="module")
def migrated(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(billing=(plugin.migrations(),)) as address:
        yield address


@for_the_file
async def database(migrated: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(migrated, "billing", constraints=plugin.manifest().constraints) as database:
        yield database


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def container(database: Database, clock: FakeClock, tmp_path_factory: pytest.TempPathFactory) -> BillingContainer:
    return wired(database, clock, tmp_path_factory.mktemp("billing"), sandbox_settings())


@pytest.fixture(scope="module")
def app(container: BillingContainer, database: Database) -> FastAPI:
    return served(bus_of(database, plugin.handlers(container)), container)


@pytest.fixture(scope="module")
def work_off(container: BillingContainer, database: Database, clock: FakeClock) -> WorkOff:
    return worker_of(database, plugin.handlers(container), plugin.subscriptions(), clock)


@pytest_asyncio.fixture(loop_scope="module")
async def http(app: FastAPI, customer: UUID) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, customer) as client:
        yield client
