"""The rules that the database itself keeps: books are only added to, and numbers, refunds and locks hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain.bookkeeping import Account, Entry, EntryKind, Posting
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import InvoiceNotFound, RefundExceedsPayment
from hedgerow_billing.domain.money import Money
from hedgerow_billing.infrastructure.books import book
from hedgerow_core.application import Bus
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
OpenOne = Callable[..., Awaitable[InvoiceView]]
WorkOff = Callable[[], Awaitable[None]]
EUR = Currency("EUR")


class GivenUp(Exception):
    """Why a transaction is rolled back."""


def an_entry(invoice: InvoiceView, clock: FakeClock, *, source: UUID | None = None) -> Entry:
    return Entry(
        kind=EntryKind.PAID,
        source=source or new_id(),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        postings=[Posting(Account.GATEWAY, Money(5, EUR)), Posting(Account.RECEIVABLE, Money(-5, EUR))],
        at=clock.now(),
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE postings SET amount = amount * 2",
        "UPDATE postings SET account = 'gateway' WHERE false",
        "DELETE FROM postings",
        "TRUNCATE postings",
    ],
)
@pytest.mark.parametrize(
    ("role", "why"), [("hedgerow_billing", "append-only|permission denied|must be owner"), ("NONE", "append-only")]
)
async def test_what_is_booked_stays_whoever_asks(
    change: str, role: str, why: str, database: Database, open_one: OpenOne, rows: Rows
) -> None:
    await open_one()
    before = await rows("SELECT * FROM postings ORDER BY id")

    async def try_it() -> None:
        async with database.transaction() as connection:
            await connection.execute(text(f"SET LOCAL ROLE {role}"))
            await connection.execute(text(change))

    with pytest.raises(DBAPIError, match=why):
        await try_it()
    assert await rows("SELECT * FROM postings ORDER BY id") == before
    assert len(before) == 2


async def test_an_entry_that_does_not_sum_up_to_zero_is_refused_by_the_database(
    database: Database, open_one: OpenOne, clock: FakeClock
) -> None:
    entry = an_entry(await open_one(), clock)
    object.__setattr__(entry, "postings", entry.postings[:1])
    with pytest.raises(IntegrityError, match="sum up to zero"):
        async with database.transaction() as connection:
            await book(connection, entry)


async def test_the_same_entry_twice_is_refused(database: Database, open_one: OpenOne, clock: FakeClock) -> None:
    invoice = await open_one()
    source = new_id()
    async with database.transaction() as connection:
        await book(connection, an_entry(invoice, clock, source=source))
    with pytest.raises(IntegrityError, match="pk_postings"):
        async with database.transaction() as connection:
            await book(connection, an_entry(invoice, clock, source=source))


async def test_numbers_follow_each_other_and_a_roll_back_gives_the_number_back(
    database: Database, container: BillingContainer
) -> None:
    async def draw(series: str) -> str:
        async with database.transaction() as connection:
            return str(await container.work(connection).numbers.draw(series))

    assert [await draw("A"), await draw("A"), await draw("B")] == ["A-000001", "A-000002", "B-000001"]
    with suppress(GivenUp):
        async with database.transaction() as connection:
            assert str(await container.work(connection).numbers.draw("A")) == "A-000003"
            raise GivenUp
    assert await draw("A") == "A-000003"


async def test_who_wants_the_next_number_waits_for_the_one_before(
    database: Database, container: BillingContainer
) -> None:
    async def draw() -> int:
        async with database.transaction() as connection:
            return (await container.work(connection).numbers.draw("A")).place

    async with database.transaction() as connection:
        first = await container.work(connection).numbers.draw("A")
        second = asyncio.create_task(draw())
        await asyncio.sleep(0.1)
        assert not second.done()
    assert (first.place, await second) == (1, 2)


async def test_who_wants_a_locked_invoice_waits_and_sees_what_was_done_to_it(
    database: Database, container: BillingContainer, clock: FakeClock, open_one: OpenOne
) -> None:
    opened = await open_one()

    async def look() -> str:
        async with database.transaction() as connection:
            return str((await container.work(connection).invoices.locked(opened.id)).status)

    async with database.transaction() as connection:
        work = container.work(connection)
        invoice = await work.invoices.locked(opened.id)
        waiting = asyncio.create_task(look())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        invoice.write_off(clock.now())
        await work.invoices.update(invoice)
    assert await waiting == "uncollectible"
    with pytest.raises(InvoiceNotFound):
        async with database.transaction() as connection:
            await container.work(connection).invoices.locked(new_id())


async def test_the_database_allows_no_refunds_above_the_payment(
    database: Database, bus: Bus, customer: UUID, open_one: OpenOne, work_off: WorkOff
) -> None:
    invoice = await open_one(total=500)
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    refund = text("UPDATE payments SET refunded = refunded + 300")
    with pytest.raises(RefundExceedsPayment):
        async with database.transaction() as connection:
            await connection.execute(refund)  # nothing came in yet
    await work_off()
    async with database.transaction() as connection:
        await connection.execute(refund)
    with pytest.raises(RefundExceedsPayment):
        async with database.transaction() as connection:
            await connection.execute(refund)


async def test_refunds_and_credit_notes_come_back_as_they_were_saved(
    database: Database,
    container: BillingContainer,
    bus: Bus,
    customer: UUID,
    open_one: OpenOne,
    work_off: WorkOff,
) -> None:
    invoice = await open_one(total=500)
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    await work_off()
    for amount in (100, 200):
        await bus.execute(RequestRefund(invoice_id=invoice.id, amount=amount, reason="back"))
        await work_off()
    async with database.transaction() as connection:
        whole = await container.work(connection).invoices.get(invoice.id)
    assert [(refund.amount.amount, str(refund.status)) for refund in whole.refunds] == [
        (100, "succeeded"),
        (200, "succeeded"),
    ]
    assert [(str(note.number), note.refund_id) for note in whole.credit_notes] == [
        ("CN-000001", whole.refunds[0].id),
        ("CN-000002", whole.refunds[1].id),
    ]


async def test_a_payment_is_settled_also_if_another_ones_clock_was_ahead(
    database: Database, container: BillingContainer, clock: FakeClock, open_one: OpenOne, rows: Rows
) -> None:
    opened = await open_one()

    async def change(do: Callable[[Any], object]) -> None:
        async with database.transaction() as connection:
            work = container.work(connection)
            invoice = await work.invoices.get(opened.id)
            do(invoice)
            await work.invoices.update(invoice)
            await work.flush()

    ahead = clock.now() + timedelta(seconds=5)
    await change(lambda invoice: invoice.request_payment(ahead))
    await change(lambda invoice: invoice.payment_failed(invoice.payments[0].id, "card_declined", ahead))
    await change(lambda invoice: invoice.request_payment(clock.now()))

    def succeed(invoice: Any) -> None:
        (pending,) = [payment for payment in invoice.payments if payment.in_progress]
        invoice.payment_succeeded(pending.id, "ref", clock.now())

    await change(succeed)
    saved = await rows("SELECT status FROM payments ORDER BY requested_at")
    assert [row.status for row in saved] == ["succeeded", "failed"]


async def test_what_did_not_change_of_an_invoice_is_not_written(
    database: Database, container: BillingContainer, clock: FakeClock, bus: Bus, customer: UUID, open_one: OpenOne
) -> None:
    opened = await open_one()
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=opened.id))
    async with database.transaction() as other, database.transaction() as connection:
        await other.execute(text("SELECT 1 FROM payments FOR UPDATE"))
        work = container.work(connection)
        invoice = await work.invoices.locked(opened.id)
        assert invoice.mark_overdue(clock.now() + timedelta(days=30))
        async with asyncio.timeout(2):
            await work.invoices.update(invoice)
