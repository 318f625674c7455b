"""The seed of billing: fifty invoices in every state, for the twenty people of users' seed, and three dead tasks.

Each invoice has a goal. The seed takes the next step towards it wherever one is missing, so it may be interrupted
and run again at any time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.leave_dead_letters import LeaveDeadLetters
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.ports import InvoiceReader
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.errors import DemoWouldCharge
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_core.application import ALL_ROWS, Bus
from hedgerow_core.application.seeding import Seeded, Seeding, demo_id

INVOICES, DEAD_LETTERS = 50, 3
CUSTOMERS = 20
"""`demo_id("users.account", 1)` to this one: what users' seed promises."""
DECLINED = 66602
"""The amount that the sandbox gateway declines."""

Step = Callable[[Bus, InvoiceView], Awaitable[InvoiceView]]
Next = Callable[[InvoiceView], Step | None]
"""What an invoice needs next to reach its goal; None once it is there, or something must happen first."""


async def _open(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.execute(OpenInvoice(customer_id=invoice.customer_id, invoice_id=invoice.id))


async def _void(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.execute(VoidInvoice(customer_id=invoice.customer_id, invoice_id=invoice.id))


async def _pay(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.execute(RequestPayment(customer_id=invoice.customer_id, invoice_id=invoice.id))


async def _write_off(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.execute(WriteOffInvoice(invoice_id=invoice.id))


async def _credit(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    amount = invoice.total.amount // 4
    return await bus.execute(CreditInvoice(invoice_id=invoice.id, amount=amount, reason="Delivered late"))


async def _refund_half(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    amount = invoice.total.amount // 2
    return await bus.execute(RequestRefund(invoice_id=invoice.id, amount=amount, reason="Half of it came back"))


async def _refund_all(bus: Bus, invoice: InvoiceView) -> InvoiceView:
    return await bus.execute(RequestRefund(invoice_id=invoice.id, amount=None, reason="All of it came back"))


def _drafted(_invoice: InvoiceView) -> Step | None:
    return None


def _opened(invoice: InvoiceView) -> Step | None:
    return _open if invoice.status is InvoiceStatus.DRAFT else None


def _then(step: Step, *, unless: Callable[[InvoiceView], bool], status: InvoiceStatus, before: Next) -> Next:
    def following(invoice: InvoiceView) -> Step | None:
        return step if invoice.status is status and not unless(invoice) else before(invoice)

    return following


_OPEN, _PAID = InvoiceStatus.OPEN, InvoiceStatus.PAID
_voided = _then(_void, unless=lambda _: False, status=_OPEN, before=_opened)
_written_off = _then(_write_off, unless=lambda _: False, status=_OPEN, before=_opened)
_credited = _then(_credit, unless=lambda invoice: bool(invoice.credit_notes), status=_OPEN, before=_opened)
_charged = _then(_pay, unless=lambda invoice: bool(invoice.payments), status=_OPEN, before=_opened)
_half_back = _then(_refund_half, unless=lambda invoice: bool(invoice.refunds), status=_PAID, before=_charged)
_all_back = _then(_refund_all, unless=lambda invoice: bool(invoice.refunds), status=_PAID, before=_charged)

GOALS: Sequence[tuple[Next, int]] = (
    (_drafted, 6),
    (_opened, 8),
    (_charged, 18),
    (_half_back, 4),
    (_all_back, 2),
    (_credited, 3),
    (_voided, 4),
    (_written_off, 2),
)
"""How many invoices shall come so far; the rest are charged and declined."""
_WARES = (
    ("Hedge trimming", 4500, "19"),
    ("Field guide", 2490, "7"),
    ("Gate hinge", 1290, "19"),
    ("Advice", 8000, "0"),
)


class SeedInvoices:
    """Writes the invoices that are missing, and leads each one to its goal."""

    def __init__(self, bus: Bus, invoices: InvoiceReader, *, moves_money: bool) -> None:
        self._bus = bus
        self._invoices = invoices
        self._moves_money = moves_money

    async def __call__(self, seeding: Seeding) -> Sequence[Seeded]:
        """Take step after step, and have the worker do its part in between.

        Raises:
            DemoWouldCharge: the gateway is a real one.
        """
        if self._moves_money:
            raise DemoWouldCharge
        goals = [goal for goal, count in GOALS for _ in range(count)]
        goals += [_charged] * (INVOICES - len(goals))
        made = [await self._write(number) for number in range(1, INVOICES + 1)]
        await self._bus.execute(LeaveDeadLetters(count=DEAD_LETTERS))
        while any([await self._lead(number, goal) for number, goal in enumerate(goals, start=1)]):
            await seeding.settle()
        dead = DEAD_LETTERS if all(made) else 0
        return (
            Seeded(what="invoices", made=sum(made), kept=INVOICES - sum(made)),
            Seeded(
                what="dead tasks",
                made=dead,
                kept=DEAD_LETTERS - dead,
                note="on purpose: `hedgerow deliveries list --state dead`" if dead else "",
            ),
        )

    async def _write(self, number: int) -> bool:
        id = _id(number)
        if await self._invoices.find(ALL_ROWS, id) is not None:
            return False
        declined = number > sum(count for _, count in GOALS)
        await self._bus.execute(
            CreateInvoice(
                id=id,
                customer_id=demo_id("users.account", 1 + number % CUSTOMERS),
                currency="JPY" if number % 7 == 0 else "EUR",
                lines=(NewLine(description="Declined", quantity=1, unit_price=DECLINED),)
                if declined
                else _lines(number),
                due_days=7 + number % 3 * 14,
                automatic=number % 5 == 0,
            )
        )
        return True

    async def _lead(self, number: int, goal: Next) -> bool:
        """Take the next step, if one can be taken."""
        invoice = await self._invoices.find(ALL_ROWS, _id(number))
        step = None if invoice is None else goal(invoice)
        if invoice is None or step is None:
            return False
        await step(self._bus, invoice)
        return True


def _id(number: int) -> UUID:
    return demo_id("billing.invoice", number)


def _lines(number: int) -> tuple[NewLine, ...]:
    chosen = [_WARES[(number + nth) % len(_WARES)] for nth in range(1 + number % 3)]
    return tuple(
        NewLine(description=what, quantity=1 + (number + nth) % 4, unit_price=price, tax_rate=tax)
        for nth, (what, price, tax) in enumerate(chosen)
    )
