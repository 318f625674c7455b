"""The rules of due dates and of collecting by plan: days go by, the clock ticks, the gateway answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import psycopg2

from hedgerow_billing import plugin
from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.gateway import Answer, ChargeRequest, Declined, Moved
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.tasks import collect_payments, mark_overdue
from hedgerow_billing.application.tasks.collect_payments import CollectPayments
from hedgerow_billing.application.tasks.mark_overdue import MarkOverdue
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_billing.domain.errors import PaymentInProgress
from hedgerow_billing.infrastructure import repositories
from hedgerow_core.application import ALL_ROWS, Bus
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
WorkOff = Callable[[], Awaitable[None]]
OpenOne = Callable[..., Awaitable[InvoiceView]]
Tick = Callable[[], Awaitable[None]]
DUE_DAYS = 14
DUE = datetime(2026, 1, 29, tzinfo=UTC)
"""What is opened when the clock starts."""


class CardOfBadDays:
    """Declines so often, then takes the money; says what it was asked."""

    def __init__(self, *, declines: int) -> None:
        self.charges: list[ChargeRequest] = []
        self._declines = declines

    async def charge(self, request: ChargeRequest) -> Answer:
        self.charges.append(request)
        if len(self.charges) <= self._declines:
            return Declined(reason="insufficient_funds")
        return Moved(reference=f"ref of {request.idempotency_key}")


@pytest.fixture
def declines() -> int:
    return 0


@pytest.fixture
def gateway(declines: int) -> CardOfBadDays:
    return CardOfBadDays(declines=declines)


@pytest.fixture
def open_automatic(bus: Bus, customer: UUID) -> OpenOne:
    async def open_automatic(*, due_days: int = DUE_DAYS, of: UUID = customer) -> InvoiceView:
        line = NewLine(description="Hedge", quantity=1, unit_price=1999)
        draft = await bus.execute(
            CreateInvoice(customer_id=of, currency="EUR", lines=(line,), automatic=True, due_days=due_days)
        )
        return await bus.execute(OpenInvoice(customer_id=of, invoice_id=draft.id))

    return open_automatic


@pytest.fixture
def tick(database: Database, container: BillingContainer, clock: FakeClock, work_off: WorkOff) -> Tick:
    """What the schedules do at a tick, and all that follows from it."""

    async def tick() -> None:
        async with unit_of_work(database, container.work, lambda: None) as work:
            for schedule in plugin.handlers(container).schedules:
                await work.tasks.enqueue(schedule.task(clock.now()), key=clock.now().isoformat())
        await work_off()

    return tick


@pytest.fixture
def days_pass(clock: FakeClock, tick: Tick) -> Callable[[int], Awaitable[None]]:
    async def days_pass(days: int) -> None:
        for _ in range(days):
            clock.advance(timedelta(days=1))
            await tick()

    return days_pass


async def now(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.ask(GetInvoice(rows=ALL_ROWS, invoice_id=invoice.id))


async def told(rows: Rows, event: str) -> list[dict[str, Any]]:
    return [row.payload for row in await rows(f"SELECT payload FROM outbox WHERE type = '{event}' ORDER BY id")]


def days_of(invoice: InvoiceView) -> list[int]:
    """On which days after the due date payments were requested."""
    return [(payment.requested_at - DUE).days for payment in invoice.payments]


async def test_an_automatic_invoice_is_charged_on_its_due_date_and_not_before(
    gateway: CardOfBadDays, bus: Bus, open_automatic: OpenOne, days_pass: Callable[[int], Awaitable[None]]
) -> None:
    invoice = await open_automatic()
    assert invoice.collect_at == DUE
    await days_pass(DUE_DAYS - 1)
    assert gateway.charges == []

    await days_pass(1)
    paid = await now(bus, invoice)
    assert (paid.status, paid.collect_at, days_of(paid)) == ("paid", None, [0])
    assert [payment.automatic for payment in paid.payments] == [True]
    assert [charge.idempotency_key for charge in gateway.charges] == [f"hedgerow-payment-{paid.payments[0].id}"]


@pytest.mark.parametrize("declines", [2])
async def test_declined_attempts_are_followed_by_the_next_planned_one_until_it_is_paid(
    gateway: CardOfBadDays,
    bus: Bus,
    open_automatic: OpenOne,
    days_pass: Callable[[int], Awaitable[None]],
    rows: Rows,
) -> None:
    invoice = await open_automatic()
    await days_pass(DUE_DAYS + 30)
    paid = await now(bus, invoice)
    assert (paid.status, days_of(paid)) == ("paid", [0, 3, 5])
    assert [failed["next_attempt_at"] for failed in await told(rows, "billing.payment_failed")] == [
        "2026-02-01T00:00:00Z",
        "2026-02-03T00:00:00Z",
    ]
    assert await told(rows, "billing.collection_exhausted") == []


@pytest.mark.parametrize("declines", [99])
async def test_after_the_last_planned_attempt_somebody_is_told_once_and_nothing_is_charged_any_more(
    gateway: CardOfBadDays,
    bus: Bus,
    customer: UUID,
    open_automatic: OpenOne,
    days_pass: Callable[[int], Awaitable[None]],
    work_off: WorkOff,
    rows: Rows,
) -> None:
    invoice = await open_automatic()
    await days_pass(DUE_DAYS + 60)
    owed = await now(bus, invoice)
    assert (owed.status, owed.collect_at, days_of(owed)) == ("open", None, [0, 3, 5, 7])
    (exhausted,) = await told(rows, "billing.collection_exhausted")
    assert (exhausted["attempts"], exhausted["due_amount"]) == (4, 1999)

    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    await work_off()
    assert len(gateway.charges) == 5
    assert len(await told(rows, "billing.collection_exhausted")) == 1, "an attempt by hand exhausts nothing"


@pytest.mark.parametrize("declines", [1])
async def test_what_is_paid_by_hand_in_between_is_not_charged_again(
    gateway: CardOfBadDays,
    bus: Bus,
    customer: UUID,
    open_automatic: OpenOne,
    days_pass: Callable[[int], Awaitable[None]],
    work_off: WorkOff,
) -> None:
    invoice = await open_automatic()
    await days_pass(DUE_DAYS + 1)
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    await work_off()
    await days_pass(30)
    paid = await now(bus, invoice)
    assert (paid.status, len(gateway.charges)) == ("paid", 2)
    assert [payment.automatic for payment in paid.payments] == [True, False]


@pytest.mark.parametrize("declines", [1])
@pytest.mark.parametrize("ends", ["void", "uncollectible"])
async def test_what_is_void_or_written_off_in_between_is_not_charged_again(
    gateway: CardOfBadDays,
    ends: str,
    bus: Bus,
    customer: UUID,
    open_automatic: OpenOne,
    days_pass: Callable[[int], Awaitable[None]],
) -> None:
    invoice = await open_automatic()
    await days_pass(DUE_DAYS + 1)
    if ends == "void":
        await bus.execute(VoidInvoice(customer_id=customer, invoice_id=invoice.id))
    else:
        await bus.execute(WriteOffInvoice(invoice_id=invoice.id))
    await days_pass(30)
    over = await now(bus, invoice)
    assert (over.status, over.collect_at, len(gateway.charges)) == (ends, None, 1)


async def test_an_attempt_waits_for_a_payment_in_progress_and_keeps_nobody_else_waiting(
    gateway: CardOfBadDays,
    bus: Bus,
    customer: UUID,
    clock: FakeClock,
    open_automatic: OpenOne,
    container: BillingContainer,
    database: Database,
    tick: Tick,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collect_payments, "AT_ONCE", 1)
    being_paid, other = await open_automatic(), await open_automatic()
    clock.advance(timedelta(days=DUE_DAYS))
    pending = await bus.execute(RequestPayment(customer_id=customer, invoice_id=being_paid.id))
    async with unit_of_work(database, container.work, lambda: None) as work:
        await container.collect_payments()(CollectPayments(tick=clock.now()), work)

    assert (await now(bus, being_paid)).payments == pending.payments
    assert (await now(bus, being_paid)).collect_at == DUE
    assert [payment.automatic for payment in (await now(bus, other)).payments] == [True]
    await tick()
    assert {(await now(bus, invoice)).status for invoice in (being_paid, other)} == {"paid"}
    assert len(gateway.charges) == 2


@pytest.mark.parametrize("declines", [99])
async def test_attempts_that_were_missed_are_not_made_up_for(
    gateway: CardOfBadDays, bus: Bus, clock: FakeClock, open_automatic: OpenOne, tick: Tick
) -> None:
    invoice = await open_automatic()
    clock.advance(timedelta(days=DUE_DAYS + 4))
    for _ in range(3):
        await tick()
    late = await now(bus, invoice)
    assert (days_of(late), late.collect_at) == ([4], DUE + timedelta(days=5))


@pytest.mark.parametrize("declines", [99])
async def test_however_many_ticks_meet_each_planned_attempt_is_made_once(
    gateway: CardOfBadDays,
    bus: Bus,
    clock: FakeClock,
    open_automatic: OpenOne,
    container: BillingContainer,
    database: Database,
    work_off: WorkOff,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collect_payments, "AT_ONCE", 3)
    invoices = [await open_automatic() for _ in range(10)]
    clock.advance(timedelta(days=DUE_DAYS))

    async def look() -> None:
        async with unit_of_work(database, container.work, lambda: None) as work:
            await container.collect_payments()(CollectPayments(tick=clock.now()), work)

    await asyncio.gather(*(look() for _ in range(8)))
    await work_off()
    await asyncio.gather(*(look() for _ in range(8)))
    await work_off()

    assert len({charge.idempotency_key for charge in gateway.charges}) == len(gateway.charges) == 10
    assert [days_of(await now(bus, invoice)) for invoice in invoices] == [[0]] * 10


async def test_of_who_is_deleted_nothing_is_collected_and_who_is_deactivated_owes_on(
    bus: Bus, clock: FakeClock, open_automatic: OpenOne, database: Database, tick: Tick
) -> None:
    gone, closed = new_id(), new_id()
    of_gone, of_closed = await open_automatic(of=gone), await open_automatic(of=closed)
    async with database.transaction() as connection:
        for customer, standing in ((gone, "deleted"), (closed, "deactivated")):
            await connection.execute(
                text(
                    "INSERT INTO customers (id, version, email_version, name_version, standing, standing_version)"
                    " VALUES (:id, 1, 1, 1, :standing, 1)"
                ),
                {"id": customer, "standing": standing},
            )
    clock.advance(timedelta(days=DUE_DAYS))
    await tick()
    assert (await now(bus, of_gone)).payments == []
    assert (await now(bus, of_closed)).status == "paid"


async def test_an_open_invoice_is_overdue_the_day_after_its_due_date_and_told_of_once(
    bus: Bus, open_one: OpenOne, days_pass: Callable[[int], Awaitable[None]], rows: Rows
) -> None:
    invoice = await open_one()
    await days_pass(DUE_DAYS)
    assert (await now(bus, invoice)).overdue_at is None
    await days_pass(3)
    overdue = await now(bus, invoice)
    assert (overdue.status, overdue.overdue_at) == ("open", DUE + timedelta(days=1, hours=12))
    (event,) = await told(rows, "billing.invoice_overdue")
    assert (event["due_on"], event["due_amount"]) == ("2026-01-29", 1999)


async def test_more_than_a_batch_is_marked_by_further_tasks(
    clock: FakeClock, open_one: OpenOne, tick: Tick, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mark_overdue, "AT_ONCE", 2)
    for _ in range(5):
        await open_one()
    clock.advance(timedelta(days=DUE_DAYS + 1))
    await tick()
    assert len(await told(rows, "billing.invoice_overdue")) == 5
    assert len(await rows("SELECT 1 FROM deliveries WHERE subscription = 'billing.mark_overdue'")) == 3


async def test_an_invoice_that_somebody_is_changing_is_passed_by_and_holds_up_nobody(
    bus: Bus,
    customer: UUID,
    clock: FakeClock,
    container: BillingContainer,
    database: Database,
    open_one: OpenOne,
    tick: Tick,
) -> None:
    held, free, void = [await open_one() for _ in range(3)]
    await bus.execute(VoidInvoice(customer_id=customer, invoice_id=void.id))
    clock.advance(timedelta(days=DUE_DAYS + 1))
    async with database.transaction() as elsewhere:
        await container.work(elsewhere).invoices.locked(held.id)
        async with unit_of_work(database, container.work, lambda: None) as work:
            await container.mark_overdue()(MarkOverdue(tick=clock.now()), work)
    seen = [(await now(bus, invoice)).overdue_at is not None for invoice in (held, free, void)]
    assert seen == [False, True, False]
    await tick()
    assert (await now(bus, held)).overdue_at is not None


async def test_who_pays_while_the_plan_collects_waits_for_it_and_hears_that_it_is_being_paid(
    bus: Bus,
    clock: FakeClock,
    container: BillingContainer,
    customer: UUID,
    database: Database,
    open_automatic: OpenOne,
) -> None:
    invoice = await open_automatic()
    clock.advance(timedelta(days=DUE_DAYS + 1))
    async with unit_of_work(database, container.work, lambda: None) as work:
        (collected,) = await work.invoices.lock_collectable(at=clock.now(), limit=5)
        paying = asyncio.create_task(bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id)))
        await asyncio.sleep(0.3)  # It has begun, and waits. In the other order both would wait for each other.
        collected.collect(RetryPlan((0,)), clock.now())
        await work.invoices.update(collected)
    with pytest.raises(PaymentInProgress):
        await paying
    assert [payment.automatic for payment in (await now(bus, invoice)).payments] == [True]


@pytest.mark.parametrize("lock", ["_LOCK_OVERDUE", "_LOCK_COLLECTABLE"])
async def test_candidates_come_out_of_an_index(lock: str, database: Database) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    where = {"limit": 5} | ({"day": moment.date()} if lock == "_LOCK_OVERDUE" else {"moment": moment})
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_sort = off"))
        named = psycopg2.dialect(paramstyle="named")
        asked = getattr(repositories, lock).compile(dialect=named).construct_expanded_state(where)
        explained = await connection.execute(text(f"EXPLAIN {asked.statement}"), asked.parameters)
        plan = "\n".join(explained.scalars())
    assert {"_LOCK_OVERDUE": "ix_invoices_overdue", "_LOCK_COLLECTABLE": "ix_invoices_collect"}[lock] in plan
