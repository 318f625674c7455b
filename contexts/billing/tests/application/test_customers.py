"""The rules of billing's own copy of users, and of what becomes of a customer's invoices."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from hedgerow_billing import plugin
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.tasks import void_unpaid_invoices
from hedgerow_billing.application.tasks.void_unpaid_invoices import VoidUnpaidInvoices
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.infrastructure.gateways.sandbox import DECLINED
from hedgerow_core.application import Bus, RowScope
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import Envelope, unit_of_work
from hedgerow_core.persistence import Database

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
OpenOne = Callable[..., Awaitable[InvoiceView]]
WorkOff = Callable[[], Awaitable[None]]
Hear = Callable[..., Awaitable[None]]
NOW = datetime(2026, 1, 15, tzinfo=UTC)

REGISTERED = {"email": "a@b.example", "name": "Ada", "registered_at": NOW.isoformat(), "new": 1}


def changed(**fields: str | None) -> dict[str, Any]:
    return {"changes": {field: {"old": "?", "new": new} for field, new in fields.items()}}


LIFE: list[tuple[int, str, dict[str, Any]]] = [
    (1, "user_registered", REGISTERED),
    (2, "user_updated", changed(name="Ada Byron")),
    (3, "user_updated", changed(email="ada@b.example", phone="+49 30 1")),
    (4, "user_deactivated", {}),
    (5, "user_updated", changed(name="Ada Lovelace")),
    (6, "user_reactivated", {}),
    (7, "user_updated", changed(phone=None)),
]


@pytest.fixture
def hear(database: Database, container: BillingContainer) -> Hear:
    """Deliver an event of users, as the ledger does: `await hear(user, 3, "user_updated", {…})`."""
    subscriptions = {one.event: one for one in plugin.subscriptions().subscribes}

    async def hear(user: UUID, version: int, event: str, payload: dict[str, Any]) -> None:
        subscription = subscriptions[f"users.{event}"]
        envelope = Envelope(
            event_id=new_id(),
            type=subscription.event,
            version=1,
            publisher="users",
            position=1,
            aggregate_id=user,
            aggregate_version=version,
            occurred_at=NOW,
            correlation_id=None,
            actor=None,
            attempt=1,
        )
        told = subscription.model.model_validate({"user_id": str(user), **payload})
        async with unit_of_work(database, container.work, lambda: None) as work:
            await subscription.handle(told, envelope, work)

    return hear


async def test_a_registered_user_is_copied_once(hear: Hear, rows: Rows) -> None:
    user = new_id()
    for _ in range(2):
        await hear(user, *LIFE[0])
    (copy,) = await rows("SELECT id, email, name, registered_at, standing, version FROM customers")
    assert tuple(copy) == (user, "a@b.example", "Ada", NOW, "active", 1)


async def test_whatever_the_order_and_however_often_the_last_word_on_each_fact_stands(
    hear: Hear, rows: Rows
) -> None:
    dice = random.Random(7)
    for _ in range(25):
        user = new_id()
        for event in dice.sample(LIFE * 2, k=2 * len(LIFE)):
            await hear(user, *event)
    copies = await rows("SELECT email, name, registered_at, standing FROM customers")
    assert len(copies) == 25
    assert {tuple(copy) for copy in copies} == {("ada@b.example", "Ada Lovelace", NOW, "active")}


async def test_what_billing_does_not_know_of_makes_no_customer(hear: Hear, rows: Rows) -> None:
    await hear(new_id(), *LIFE[6])
    assert await rows("SELECT * FROM customers") == []


async def test_of_who_is_deleted_the_id_is_left_whatever_is_told_before_or_after(hear: Hear, rows: Rows) -> None:
    dice = random.Random(7)
    for _ in range(10):
        user = new_id()
        for event in dice.sample([*LIFE, (8, "user_deleted", {})], k=len(LIFE) + 1):
            await hear(user, *event)
    copies = await rows("SELECT email, name, registered_at, standing FROM customers")
    assert [tuple(copy) for copy in copies] == [(None, None, None, "deleted")] * 10


async def test_what_a_deleted_customer_owes_is_void_and_what_is_paid_stays(
    hear: Hear, bus: Bus, customer: UUID, open_one: OpenOne, work_off: WorkOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(void_unpaid_invoices, "AT_ONCE", 2)
    paid, *owed = [await open_one() for _ in range(6)]
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=paid.id))
    await work_off()
    somebody_elses = await open_one(of=new_id())

    await hear(customer, 8, "user_deleted", {})
    await work_off()

    assert {await status_of(bus, invoice) for invoice in owed} == {"void"}
    assert await status_of(bus, paid) == "paid"
    assert await status_of(bus, somebody_elses) == "open"


@pytest.mark.parametrize(("total", "becomes"), [(DECLINED, "void"), (1999, "paid")], ids=["declined", "charged"])
async def test_an_invoice_that_is_being_paid_waits_for_the_outcome(
    container: BillingContainer,
    bus: Bus,
    customer: UUID,
    database: Database,
    open_one: OpenOne,
    work_off: WorkOff,
    rows: Rows,
    total: int,
    becomes: str,
) -> None:
    invoice = await open_one(total=total)
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))

    async def look() -> None:
        async with unit_of_work(database, container.work, lambda: None) as work:
            await container.void_unpaid_invoices()(VoidUnpaidInvoices(customer_id=customer), work)

    await look()
    (later,) = await rows(
        "SELECT next_at > clock_timestamp() + interval '9 minutes' AS later FROM deliveries"
        " WHERE subscription = 'billing.void_unpaid_invoices'"
    )
    assert (await status_of(bus, invoice), later.later) == ("open", True)

    await work_off()
    await look()
    assert await status_of(bus, invoice) == becomes
    assert len(await rows("SELECT 1 FROM deliveries WHERE subscription = 'billing.void_unpaid_invoices'")) == 1


async def status_of(bus: Bus, invoice: InvoiceView) -> str:
    return str((await bus.ask(GetInvoice(rows=RowScope(invoice.customer_id), invoice_id=invoice.id))).status)
