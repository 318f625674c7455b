"""Stories that leave something in the books, told over the bus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from hedgerow_billing.application.commands.create_invoice import CreateInvoice, NewLine
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.views import InvoiceView
from hedgerow_core.application import ALL_ROWS, Bus

LINES = (
    NewLine(description="Hedge trimming", quantity=2, unit_price=1999, tax_rate="19"),
    NewLine(description="Compost", quantity=3, unit_price=333, tax_rate="7"),
)
"""49.97 net, 8.30 tax (7.60 and 0.70), 58.27 in all."""
TOTAL = 5827


async def opened(bus: Bus, customer: UUID, *, currency: str = "EUR") -> InvoiceView:
    """An open invoice of `LINES`."""
    draft = await bus.execute(CreateInvoice(customer_id=customer, currency=currency, lines=LINES))
    return await bus.execute(OpenInvoice(customer_id=customer, invoice_id=draft.id))


async def paid(bus: Bus, work_off: Callable[[], Awaitable[None]], invoice: InvoiceView) -> InvoiceView:
    """The invoice, paid."""
    await bus.execute(RequestPayment(customer_id=invoice.customer_id, invoice_id=invoice.id))
    await work_off()
    return await bus.ask(GetInvoice(rows=ALL_ROWS, invoice_id=invoice.id))


async def one_of_each(bus: Bus, work_off: Callable[[], Awaitable[None]], customer: UUID) -> dict[str, InvoiceView]:
    """An invoice for everything that can become of one, by its name."""
    draft = await bus.execute(CreateInvoice(customer_id=customer, currency="EUR", lines=LINES))
    credited = await opened(bus, customer)
    await bus.execute(CreditInvoice(invoice_id=credited.id, amount=1000, reason="Half a hedge"))
    refunded = await opened(bus, customer)
    await bus.execute(CreditInvoice(invoice_id=refunded.id, amount=27, reason="Rounded"))
    await paid(bus, work_off, refunded)
    await bus.execute(RequestRefund(invoice_id=refunded.id, amount=800, reason="Cut twice"))
    await work_off()
    void = await opened(bus, customer)
    await bus.execute(VoidInvoice(customer_id=customer, invoice_id=void.id))
    written_off = await opened(bus, customer)
    await bus.execute(WriteOffInvoice(invoice_id=written_off.id))
    recovered = await opened(bus, customer)
    await bus.execute(WriteOffInvoice(invoice_id=recovered.id))
    await paid(bus, work_off, recovered)
    made = {
        "draft": draft,
        "open": await opened(bus, customer),
        "credited": credited,
        "paid": await paid(bus, work_off, await opened(bus, customer)),
        "refunded": refunded,
        "void": void,
        "written_off": written_off,
        "recovered": recovered,
    }
    return {name: await bus.ask(GetInvoice(rows=ALL_ROWS, invoice_id=invoice.id)) for name, invoice in made.items()}
