"""Each rule of the books has its twin: a database damaged just so. They are made once, and copied for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contexts.billing.tests.books import TOTAL, one_of_each
from contexts.billing.tests.conftest import sandbox_settings, wired
from hedgerow_billing import plugin
from hedgerow_billing.application.queries import verify_ledger
from hedgerow_billing.application.queries.verify_ledger import LedgerReport, VerifyLedger
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.findings import HINTS, Check
from hedgerow_billing.infrastructure import audit
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import FakeClock, MigratedDatabases, bus_of, context_database, worker_of
from hedgerow_core.testing.servers import database_for_test


@dataclass(frozen=True, slots=True)
class Books:
    """A database, and an invoice in it for everything that can become of one."""

    address: DatabaseAddress
    made: Mapping[str, InvoiceView]


@pytest.fixture(scope="module")
def books(migrated_databases: MigratedDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    with migrated_databases.copy(billing=(plugin.migrations(),)) as address:
        yield Books(address, asyncio.run(made_in(address, tmp_path_factory.mktemp("books"))))


async def made_in(address: DatabaseAddress, folder: Path) -> Mapping[str, InvoiceView]:
    clock = FakeClock()
    async with context_database(address, "billing", constraints=plugin.manifest().constraints) as database:
        container = wired(database, clock, folder, sandbox_settings())
        handlers = plugin.handlers(container)
        work_off = worker_of(database, handlers, plugin.subscriptions(), clock)
        return await one_of_each(bus_of(database, handlers), work_off, new_id())


@pytest.fixture
def migrated(postgres_server: DatabaseAddress, books: Books) -> Iterator[DatabaseAddress]:
    with database_for_test(postgres_server, template=str(books.address.url.database)) as address:
        yield address


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
    check: str, statement: str, bus: Bus, books: Books, migrated: DatabaseAddress
) -> None:
    assert (await bus.ask(VerifyLedger())).found == 0

    await damage(migrated, statement.format(**{name: invoice.id for name, invoice in books.made.items()}))
    report = await bus.ask(VerifyLedger())

    assert check in checks(report)
    assert all(finding.subject and finding.what and finding.hint for finding in report.findings)


def test_every_check_has_a_twin_and_a_hint() -> None:
    (cases,) = (mark for mark in test_what_was_damaged_is_found.pytestmark if mark.name == "parametrize")
    assert {check for check, _statement in cases.args[1]} == {str(check) for check in Check}
    assert set(HINTS) == set(Check)


async def test_a_finding_names_what_is_wrong(bus: Bus, books: Books, migrated: DatabaseAddress) -> None:
    await damage(migrated, "UPDATE number_series SET latest = 99 WHERE series = 'CN'")
    await damage(migrated, f"UPDATE invoices SET tax = 1 WHERE id = '{books.made['open'].id}'")

    report = await bus.ask(VerifyLedger())

    assert [(str(found.check), found.subject, found.what) for found in report.findings] == [
        ("totals", str(books.made["open"].id), f"its row says {TOTAL}, tax 1; its lines come to {TOTAL}, tax 830"),
        ("numbers", "CN", "the last number given is 3, but number_series is at 99"),
    ]


async def test_many_invoices_are_read_in_stretches_and_many_findings_are_counted(
    bus: Bus, books: Books, migrated: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    await damage(migrated, "UPDATE invoices SET tax = tax + 1")
    monkeypatch.setattr(audit, "STRETCH", 3)
    monkeypatch.setattr(verify_ledger, "MOST_FINDINGS", 2)

    report = await bus.ask(VerifyLedger())

    assert (report.invoices, report.found, len(report.findings)) == (len(books.made), len(books.made), 2)
