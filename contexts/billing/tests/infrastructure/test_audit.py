"""The books are held against what they speak of. What the rules find is in `test_damaged_books.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contexts.billing.tests.books import one_of_each
from hedgerow_billing.application.queries.verify_ledger import LedgerReport, VerifyLedger
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.infrastructure import audit
from hedgerow_core.application import Bus
from hedgerow_core.persistence import Database

WorkOff = Callable[[], Awaitable[None]]
OpenOne = Callable[..., Awaitable[InvoiceView]]


async def test_whatever_became_of_invoices_their_books_are_right(
    bus: Bus, customer: UUID, work_off: WorkOff
) -> None:
    made = await one_of_each(bus, work_off, customer)

    report = await bus.ask(VerifyLedger())

    assert report.findings == []
    assert (report.found, report.invoices) == (0, len(made))
    assert report.postings > 30


async def test_empty_books_are_right(bus: Bus) -> None:
    assert await bus.ask(VerifyLedger()) == LedgerReport(invoices=0, postings=0, found=0, findings=[])


async def test_it_sees_one_moment_and_writes_nothing(
    bus: Bus, customer: UUID, database: Database, open_one: OpenOne
) -> None:
    await open_one()
    async with audit.PostgresAuditor(database).audit() as books:
        before = [each async for each in books.invoices()]
        await open_one()
        assert [each async for each in books.invoices()] == before
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await books._connection.execute(text("DELETE FROM number_series"))
