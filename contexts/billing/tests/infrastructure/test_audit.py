"""The books are held against what they speak of. Each rule has its twin: a database damaged just so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from contexts.billing.tests.books import TOTAL, one_of_each
from hedgerow_billing.application.queries import verify_ledger
from hedgerow_billing.application.queries.verify_ledger import LedgerReport, VerifyLedger
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.findings import HINTS, Check
from hedgerow_billing.infrastructure import audit
from hedgerow_core.application import Bus
from hedgerow_core.persistence import Database, DatabaseAddress

WorkOff = Callable[[], Awaitable[None]]
OpenOne = Callable[..., Awaitable[InvoiceView]]


async def damage(address: DatabaseAddress, *statements: str) -> None:
    """Change rows as the owner of the database, past every trigger and foreign key."""
    engine = create_async_engine(address.url)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await connection.execute(text("SET LOCAL search_path = billing"))
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


def checks(report: LedgerReport) -> set[str]:
    return {str(finding.check) for finding in report.findings}


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


def entry(kind: str, invoice: str) -> str:
    """The condition for an entry of one of the invoices; `{paid}` becomes its id."""
    return f"kind = '{kind}' AND invoice_id = '{{{invoice}}}'"


@pytest.mark.parametrize(
    ("check", "statement"),
    [
        (
            "unbalanced_entry",
            f"UPDATE postings SET amount = 1 WHERE amount > 0 AND {entry('paid', 'paid')}",
        ),
        ("unbalanced_books", f"DELETE FROM postings WHERE account = 'tax' AND {entry('opened', 'open')}"),
        (
            "receivable",
            f"UPDATE postings SET amount = amount + 1 WHERE account = 'receivable' AND {entry('opened', 'open')}",
        ),
        ("receivable", "UPDATE invoices SET status = 'open', paid_at = NULL WHERE id = '{paid}'"),
        (
            "gateway",
            f"UPDATE postings SET amount = 1 WHERE account = 'gateway' AND {entry('refunded', 'refunded')}",
        ),
        (
            "gateway",
            "UPDATE refunds SET status = 'unknown', settled_at = NULL, gateway_reference = NULL"
            " WHERE invoice_id = '{refunded}'",
        ),
        (
            "earnings",
            "UPDATE postings SET amount = amount + CASE account WHEN 'tax' THEN 1 ELSE -1 END"
            f" WHERE account IN ('tax', 'revenue') AND {entry('opened', 'open')}",
        ),
        ("earnings", f"DELETE FROM postings WHERE {entry('voided', 'void')}"),
        ("bad_debt", f"DELETE FROM postings WHERE {entry('written_off', 'written_off')}"),
        ("bad_debt", f"DELETE FROM postings WHERE {entry('recovered', 'recovered')}"),
        ("missing_entry", f"DELETE FROM postings WHERE {entry('opened', 'open')}"),
        ("missing_entry", f"DELETE FROM postings WHERE {entry('paid', 'paid')}"),
        ("missing_entry", f"DELETE FROM postings WHERE {entry('credited', 'credited')}"),
        ("missing_entry", f"DELETE FROM postings WHERE {entry('refunded', 'refunded')}"),
        ("groundless_entry", "DELETE FROM credit_notes WHERE invoice_id = '{credited}'"),
        (
            "groundless_entry",
            "INSERT INTO postings (kind, source, account, invoice_id, customer_id, currency, amount, at)"
            " SELECT 'paid', id, side.account, id, customer_id, currency, side.amount, now() FROM invoices,"
            " (VALUES ('gateway', 1), ('receivable', -1)) AS side(account, amount) WHERE id = '{open}'",
        ),
        ("wrong_entry", f"UPDATE postings SET amount = 2 * amount WHERE {entry('opened', 'open')}"),
        (
            "wrong_entry",
            "UPDATE postings SET account = CASE account WHEN 'tax' THEN 'bad_debt' ELSE account END"
            f" WHERE {entry('opened', 'void')}",
        ),
        (
            "wrong_entry",
            "INSERT INTO postings (kind, source, account, invoice_id, customer_id, currency, amount, at)"
            " SELECT 'opened', id, side.account, id, customer_id, currency, side.amount, now() FROM invoices,"
            " (VALUES ('gateway', 1), ('bad_debt', -1)) AS side(account, amount) WHERE id = '{void}'",
        ),
        ("foreign_posting", f"UPDATE postings SET currency = 'USD' WHERE {entry('opened', 'open')}"),
        (
            "foreign_posting",
            f"UPDATE postings SET customer_id = gen_random_uuid() WHERE {entry('opened', 'open')}",
        ),
        ("numbers", "UPDATE invoices SET place = 900 WHERE id = '{open}'"),
        ("numbers", "UPDATE credit_notes SET place = 900 WHERE place = 1"),
        ("numbers", "UPDATE number_series SET latest = latest + 1 WHERE series = 'INV'"),
        ("numbers", "DELETE FROM number_series WHERE series = 'CN'"),
        ("numbers", "INSERT INTO number_series VALUES ('OLD', 3)"),
        ("numbers", "UPDATE invoices SET series = NULL, place = NULL WHERE id = '{open}'"),
        ("numbers", "UPDATE credit_notes SET series = 'INV' WHERE place = 1"),
        ("refunded", "UPDATE payments SET refunded = 0 WHERE invoice_id = '{refunded}'"),
        ("totals", "UPDATE invoices SET total = total + 1 WHERE id = '{paid}'"),
        ("totals", "UPDATE invoices SET tax = tax - 1 WHERE id = '{draft}'"),
        ("credited", "UPDATE invoices SET credited = 0 WHERE id = '{credited}'"),
        ("currency", "UPDATE payments SET currency = 'USD' WHERE invoice_id = '{paid}'"),
        ("unreadable", "UPDATE invoices SET currency = 'ZZZ' WHERE id = '{draft}'"),
        ("unreadable", "UPDATE invoices SET lines = '[{{\"description\": \"x\"}}]' WHERE id = '{draft}'"),
        ("orphan", "DELETE FROM invoices WHERE id = '{paid}'"),
    ],
)
async def test_what_was_damaged_is_found(
    check: str, statement: str, bus: Bus, customer: UUID, work_off: WorkOff, migrated: DatabaseAddress
) -> None:
    made = await one_of_each(bus, work_off, customer)
    assert (await bus.ask(VerifyLedger())).found == 0
    ids = {name: invoice.id for name, invoice in made.items()}

    await damage(migrated, statement.format(**ids))
    report = await bus.ask(VerifyLedger())

    assert check in checks(report)
    assert all(finding.subject and finding.what and finding.hint for finding in report.findings)


def test_every_check_has_a_twin_and_a_hint() -> None:
    (cases,) = (mark for mark in test_what_was_damaged_is_found.pytestmark if mark.name == "parametrize")
    assert {check for check, _statement in cases.args[1]} == {str(check) for check in Check}
    assert set(HINTS) == set(Check)


async def test_a_finding_names_what_is_wrong(
    bus: Bus, customer: UUID, work_off: WorkOff, migrated: DatabaseAddress
) -> None:
    made = await one_of_each(bus, work_off, customer)
    await damage(migrated, "UPDATE number_series SET latest = 99 WHERE series = 'CN'")
    await damage(migrated, f"UPDATE invoices SET tax = 1 WHERE id = '{made['open'].id}'")

    report = await bus.ask(VerifyLedger())

    assert [(str(found.check), found.subject, found.what) for found in report.findings] == [
        ("totals", str(made["open"].id), f"its row says {TOTAL}, tax 1; its lines come to {TOTAL}, tax 830"),
        ("numbers", "CN", "the last number given is 3, but number_series is at 99"),
    ]


async def test_many_invoices_are_read_in_stretches_and_many_findings_are_counted(
    bus: Bus,
    customer: UUID,
    work_off: WorkOff,
    migrated: DatabaseAddress,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = await one_of_each(bus, work_off, customer)
    await damage(migrated, "UPDATE invoices SET tax = tax + 1")
    monkeypatch.setattr(audit, "STRETCH", 3)
    monkeypatch.setattr(verify_ledger, "MOST_FINDINGS", 2)

    report = await bus.ask(VerifyLedger())

    assert (report.invoices, report.found, len(report.findings)) == (len(made), len(made), 2)


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
