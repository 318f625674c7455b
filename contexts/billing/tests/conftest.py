"""Billing on a real database: migrated, under its own role, its bus and drain put together as a host does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hedgerow_billing import plugin
from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.gateway import PaymentGateway
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.infrastructure.gateways.sandbox import SandboxGateway
from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
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

OpenOne = Callable[..., Awaitable[InvoiceView]]
"""`await open_one(total=1999)`: an open invoice of `customer`, with one line."""


@pytest.fixture
def migrated(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(billing=(plugin.migrations(),)) as address:
        yield address


@pytest.fixture
async def database(migrated: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(migrated, "billing", constraints=plugin.manifest().constraints) as database:
        yield database


@pytest.fixture
def gateway() -> PaymentGateway:
    return SandboxGateway(latency=timedelta(0))


@pytest.fixture
def settings() -> BillingSettings:
    return sandbox_settings()


@pytest.fixture
def container(
    database: Database, clock: FakeClock, gateway: PaymentGateway, settings: BillingSettings, tmp_path: Path
) -> BillingContainer:
    container = wired(database, clock, tmp_path, settings)
    container.gateway.override(gateway)
    return container


def sandbox_settings() -> BillingSettings:
    return BillingSettings(gateway=Gateway.SANDBOX, sandbox_latency_s=0, reconcile_delay_s=0)


def wired(database: Database, clock: FakeClock, data_dir: Path, settings: BillingSettings) -> BillingContainer:
    """The container, as a host makes it."""
    core = CoreContainer(context="billing", environment="test", data_dir=data_dir, clock=clock, database=database)
    return plugin.container(core, settings)


@pytest.fixture
def bus(container: BillingContainer, database: Database) -> Bus:
    return bus_of(database, plugin.handlers(container))


@pytest.fixture
def rows(database: Database) -> Rows:
    return rows_of(database)


@pytest.fixture
def work_off(container: BillingContainer, database: Database, clock: FakeClock) -> WorkOff:
    return worker_of(database, plugin.handlers(container), plugin.subscriptions(), clock)


@pytest.fixture
def customer() -> UUID:
    return new_id()


@pytest.fixture
def open_one(bus: Bus, customer: UUID) -> OpenOne:
    async def open_one(*, total: int = 1999, of: UUID = customer) -> InvoiceView:
        line = NewLine(description="Hedge", quantity=1, unit_price=total)
        draft = await bus.execute(CreateInvoice(customer_id=of, currency="EUR", lines=(line,)))
        return await bus.execute(OpenInvoice(customer_id=of, invoice_id=draft.id))

    return open_one
