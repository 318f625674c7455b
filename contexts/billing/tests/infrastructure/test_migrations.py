"""The rules of migrating with rows in place: what was there before has numbers, due dates and books afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_billing import plugin
from hedgerow_billing.infrastructure.tables import metadata
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.migrations.linting import unsafe_statements
from hedgerow_core.testing import Stairway

# id, status, total, opened, paid, voided: two digits of a day in January, or nothing.
BEFORE = [
    (1, "draft", 100, None, None, None),
    (2, "open", 200, "03", None, None),
    (3, "paid", 300, "01", "05", None),
    (4, "void", 400, "02", None, "06"),
    (5, "void", 500, None, None, "07"),
]
_INSERT = """
    INSERT INTO billing.invoices
        (id, customer_id, status, currency, total, lines, version, created_at, opened_at, paid_at, voided_at)
    VALUES ('{id}', gen_random_uuid(), '{status}', 'EUR', {total},
        '[{{"description": "Hedge", "quantity": 1, "unit_price": {total}}}]', 1, '2026-01-01', {moments})
"""
_PAYMENT = """
    INSERT INTO billing.payments (id, invoice_id, status, amount, currency, requested_at, settled_at,
        gateway_reference, failure)
    VALUES (gen_random_uuid(), '{invoice}', '{status}', {amount}, 'EUR', '2026-01-04', '2026-01-05', {reference},
        {failure})
"""


def id_of(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


@pytest.fixture
async def migrated_with_rows(fresh_database: DatabaseAddress) -> AsyncIterator[AsyncConnection]:
    """As of before the books, with an invoice of each state; then migrated."""
    stairway = Stairway(fresh_database, "billing", plugin.migrations())
    await stairway.up_to("billing_0003")
    engine = create_async_engine(fresh_database.url, poolclass=NullPool)
    async with engine.connect() as connection:
        for number, status, total, *days in BEFORE:
            moments = ", ".join("NULL" if day is None else f"'2026-01-{day}T12:00:00Z'" for day in days)
            await connection.execute(
                text(
                    _INSERT.format(id=id_of(number), status=status, total=total, moments=moments).replace(
                        ":", "\\:"
                    )
                )
            )
        for invoice, status, reference, failure in ((3, "failed", "NULL", "'x'"), (3, "succeeded", "'r'", "NULL")):
            await connection.execute(
                text(
                    _PAYMENT.format(
                        invoice=id_of(invoice), status=status, amount=300, reference=reference, failure=failure
                    )
                )
            )
        await connection.commit()
        await stairway.up_to()
        yield connection
    await engine.dispose()


async def test_what_was_opened_before_has_its_number_in_that_order_and_is_due(
    migrated_with_rows: AsyncConnection,
) -> None:
    rows = await migrated_with_rows.execute(
        text("SELECT id, series, place, due_on FROM billing.invoices ORDER BY id")
    )
    assert [(str(row.id), row.series, row.place, row.due_on and row.due_on.isoformat()) for row in rows] == [
        (id_of(1), None, None, None),
        (id_of(2), "INV", 3, "2026-01-17"),
        (id_of(3), "INV", 1, "2026-01-15"),
        (id_of(4), "INV", 2, "2026-01-16"),
        (id_of(5), None, None, None),
    ]
    series = await migrated_with_rows.execute(text("SELECT series, latest FROM billing.number_series"))
    assert [tuple(row) for row in series] == [("INV", 3)]


async def test_what_happened_before_is_booked(migrated_with_rows: AsyncConnection) -> None:
    rows = await migrated_with_rows.execute(
        text("SELECT invoice_id, kind, account, amount FROM billing.postings ORDER BY invoice_id, at, amount DESC")
    )
    assert [(str(row.invoice_id), row.kind, row.account, row.amount) for row in rows] == [
        (id_of(2), "opened", "receivable", 200),
        (id_of(2), "opened", "revenue", -200),
        (id_of(3), "opened", "receivable", 300),
        (id_of(3), "opened", "revenue", -300),
        (id_of(3), "paid", "gateway", 300),
        (id_of(3), "paid", "receivable", -300),
        (id_of(4), "opened", "receivable", 400),
        (id_of(4), "opened", "revenue", -400),
        (id_of(4), "voided", "revenue", 400),
        (id_of(4), "voided", "receivable", -400),
    ]
    paid = await migrated_with_rows.scalar(
        text(
            "SELECT count(*) FROM billing.postings b JOIN billing.payments p ON p.id = b.source"
            " WHERE b.kind = 'paid' AND p.status = 'succeeded'"
        )
    )
    assert paid == 2, "both sides name the payment that succeeded"


async def test_every_step_can_be_taken_back_or_says_why_not_and_the_tables_are_as_declared(
    fresh_database: DatabaseAddress,
) -> None:
    await Stairway(fresh_database, "billing", plugin.migrations()).climb(metadata)


def test_what_a_running_host_would_feel_is_meant() -> None:
    assert [each for each in unsafe_statements(plugin.migrations()) if each.meant is None] == []
