"""Billing alone, in this process, on a database of its own: for experiments on money that need no host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from hedgerow_billing import plugin
from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.gateway import PaymentGateway
from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.infrastructure.gateways.sandbox import SandboxGateway
from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import Drain, consumers_of, unit_of_work
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.testing import FakeClock, bus_of, context_database, work_off_all

# What the books must say, by what stands in the other tables: worked out here once more, past the product.
_MISBOOKED = text(
    """
    WITH booked AS (
        SELECT invoice_id,
            coalesce(sum(amount) FILTER (WHERE account = 'receivable'), 0) AS receivable,
            coalesce(sum(amount) FILTER (WHERE account = 'gateway'), 0) AS gateway,
            coalesce(sum(amount) FILTER (WHERE account = 'bad_debt'), 0) AS bad_debt,
            coalesce(sum(amount) FILTER (WHERE account = 'revenue'), 0) AS revenue,
            coalesce(sum(amount) FILTER (WHERE account = 'tax'), 0) AS tax
        FROM postings GROUP BY invoice_id
    ), paid AS (
        SELECT invoice_id, sum(amount) AS amount FROM payments WHERE status = 'succeeded' GROUP BY invoice_id
    ), back AS (
        SELECT invoice_id, sum(amount) AS amount FROM refunds WHERE status = 'succeeded' GROUP BY invoice_id
    ), note AS (
        SELECT invoice_id, sum(amount) AS amount, sum(tax) AS tax FROM credit_notes GROUP BY invoice_id
    ), said AS (
        SELECT i.id, i.status, coalesce(paid.amount, 0) AS paid, coalesce(back.amount, 0) AS back,
            i.total - coalesce(note.amount, 0) AS rest, i.tax - coalesce(note.tax, 0) AS tax_rest
        FROM invoices i LEFT JOIN paid ON paid.invoice_id = i.id LEFT JOIN back ON back.invoice_id = i.id
            LEFT JOIN note ON note.invoice_id = i.id
    )
    SELECT said.id FROM said LEFT JOIN booked ON booked.invoice_id = said.id
    WHERE coalesce(receivable, 0) <> CASE status WHEN 'open' THEN rest ELSE 0 END
       OR coalesce(bad_debt, 0) <> CASE status WHEN 'uncollectible' THEN rest ELSE 0 END
       OR coalesce(gateway, 0) <> paid - back
       OR coalesce(tax, 0) <> CASE WHEN status IN ('draft', 'void') THEN 0 ELSE -tax_rest END
       OR coalesce(revenue, 0) <> CASE WHEN status IN ('draft', 'void') THEN 0 ELSE tax_rest - rest END
       OR (paid > 0 AND paid = back AND (tax <> 0 OR revenue <> 0))
    """
)
_UNBALANCED = text(
    "SELECT kind, source FROM postings GROUP BY kind, source, currency HAVING sum(amount) <> 0 LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Till:
    """Where money is counted."""

    database: Database
    container: BillingContainer
    bus: Bus
    clock: FakeClock
    work_off: Callable[[], Awaitable[None]]
    """Runs every delivery that is due, until none is."""

    async def rows(self, statement: str, **values: object) -> Sequence[Row[Any]]:
        """Looks into the database, past the product."""
        async with self.database.reading() as connection:
            return (await connection.execute(text(statement), values)).all()

    async def within(self, do: Callable[[BillingWork], Awaitable[object]]) -> None:
        """Do it in one transaction."""
        async with unit_of_work(self.database, self.container.work, lambda: None) as work:
            await do(work)

    async def draft(self, customer: UUID, *, price: int = 1999, rate: str = "19", automatic: bool = False) -> UUID:
        """Write one down."""
        line = NewLine(description="Hedge", quantity=1, unit_price=price, tax_rate=rate)
        command = CreateInvoice(customer_id=customer, currency="EUR", lines=(line,), automatic=automatic)
        return (await self.bus.execute(command)).id

    async def open(self, customer: UUID, **of: Any) -> UUID:
        """Write one down and open it."""
        invoice = await self.draft(customer, **of)
        await self.bus.execute(OpenInvoice(customer_id=customer, invoice_id=invoice))
        return invoice

    async def misbooked(self) -> list[UUID]:
        """Invoices of which the books say something else than the other tables, or entries not of zero."""
        async with self.database.reading() as connection:
            wrong = [*(await connection.scalars(_MISBOOKED))]
            return wrong + [row.source for row in await connection.execute(_UNBALANCED)]


@asynccontextmanager
async def till(
    address: DatabaseAddress, folder: Path, gateway: PaymentGateway | None = None
) -> AsyncIterator[Till]:
    """A till on a migrated database; by default the sandbox takes the money, at once."""
    clock = FakeClock()
    async with context_database(address, "billing", constraints=plugin.manifest().constraints) as database:
        core = CoreContainer(context="billing", environment="test", data_dir=folder, clock=clock, database=database)
        container = plugin.container(
            core, BillingSettings(gateway=Gateway.SANDBOX, sandbox_latency_s=0, reconcile_delay_s=0)
        )
        container.gateway.override(gateway or SandboxGateway(latency=timedelta(0)))
        declared = plugin.handlers(container)
        bus = bus_of(database, declared)
        consumers = consumers_of(plugin.subscriptions().subscribes, declared.tasks)
        drain = Drain(database, consumers, work_for=declared.work, clock=clock, owner=f"till {new_id()}")
        yield Till(database, container, bus, clock, partial(work_off_all, database, consumers, drain))
