"""Whatever is done to invoices in whatever order, the books are right after it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest

from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.queries.customer_balance import CustomerBalance
from hedgerow_billing.application.queries.list_invoices import ListInvoices
from hedgerow_billing.application.queries.verify_ledger import VerifyLedger
from hedgerow_core.application import Bus, Command, RowScope
from hedgerow_core.domain import DomainError

RATES = ("0", "5.5", "7", "19", "8.875", "33.333", "100")
STEPS = 60


def some_lines(dice: random.Random) -> tuple[NewLine, ...]:
    """Small prices and odd rates: most sums have to be rounded."""
    return tuple(
        NewLine(
            description="Hedge",
            quantity=dice.randint(1, 7),
            unit_price=dice.randint(0, 333),
            tax_rate=dice.choice(RATES),
        )
        for _ in range(dice.randint(1, 5))
    )


def some_step(dice: random.Random, customer: UUID, invoice_id: UUID) -> Command[object]:
    """Anything that can be asked for, sensible or not."""
    amount = dice.choice([1, 2, 3, dice.randint(1, 400)])
    whose = {"customer_id": customer, "invoice_id": invoice_id}
    return dice.choice(
        [
            OpenInvoice(**whose),
            OpenInvoice(**whose),
            RequestPayment(**whose),
            RequestPayment(**whose),
            CreditInvoice(invoice_id=invoice_id, amount=amount, reason="Some of it"),
            RequestRefund(invoice_id=invoice_id, amount=amount, reason="Some of it"),
            RequestRefund(invoice_id=invoice_id, amount=dice.choice([amount, None]), reason="All of it"),
            WriteOffInvoice(invoice_id=invoice_id),
            *([VoidInvoice(**whose)] if dice.random() < 0.2 else []),
        ]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_books_are_right_after_anything(
    seed: int, bus: Bus, customer: UUID, work_off: Callable[[], Awaitable[None]]
) -> None:
    dice = random.Random(seed)
    ids = []
    for _ in range(4):
        currency = dice.choice(["EUR", "JPY", "KWD"])
        draft = await bus.execute(CreateInvoice(customer_id=customer, currency=currency, lines=some_lines(dice)))
        ids.append(draft.id)
    done = 0
    for _ in range(STEPS):
        with suppress(DomainError):
            await bus.execute(some_step(dice, customer, dice.choice(ids)))
            done += 1
        if dice.random() < 0.5:
            await work_off()
    await work_off()

    report = await bus.ask(VerifyLedger())
    owed: dict[str, int] = {}
    for invoice in (await bus.ask(ListInvoices(rows=RowScope(customer), limit=10))).items:
        if invoice.status == "open":
            owed[invoice.currency] = owed.get(invoice.currency, 0) + invoice.due.amount
    balances = await bus.ask(CustomerBalance(customer_id=customer))

    assert done > 5, "nothing was done, so nothing is proved"
    assert report.findings == [], f"seed {seed}"
    assert {each.currency: each.amount for each in balances if each.amount} == owed
