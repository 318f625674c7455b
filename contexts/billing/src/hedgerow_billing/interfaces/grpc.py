"""The gRPC services of billing. Each turns a call into one message for the bus."""

from __future__ import annotations

from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.views import InvoiceView, LineView, MoneyView
from hedgerow_billing.interfaces.http import READ_ANY
from hedgerow_billing.interfaces.proto.billing_pb2 import (
    DESCRIPTOR,
    GetInvoiceRequest,
    Invoice,
    InvoiceLine,
    Money,
)
from hedgerow_core.application import Bus
from hedgerow_core.grpc import Call, GrpcService, uuid_in
from hedgerow_core.http import permitted


def invoice_service(bus: Bus) -> GrpcService:
    """`billing.InvoiceService`."""

    @permitted("billing:invoice:read", all_rows=READ_ANY)
    async def get_invoice(request: GetInvoiceRequest, call: Call) -> Invoice:
        """One of your invoices, or anybody's if you look after all."""
        wanted = uuid_in(request.id, field="id")
        return invoice_of(await bus.ask(GetInvoice(rows=call.rows, invoice_id=wanted)))

    return GrpcService(
        descriptor=DESCRIPTOR.services_by_name["InvoiceService"], endpoints={"GetInvoice": get_invoice}
    )


def invoice_of(invoice: InvoiceView) -> Invoice:
    """The message that shows this invoice."""
    return Invoice(
        id=str(invoice.id),
        customer_id=str(invoice.customer_id),
        status=f"INVOICE_STATUS_{invoice.status.upper()}",
        number=invoice.number,
        net=_money(invoice.net),
        tax=_money(invoice.tax),
        total=_money(invoice.total),
        due=_money(invoice.due),
        lines=map(_line, invoice.lines),
        due_on=invoice.due_on.isoformat() if invoice.due_on else None,
        created_at=invoice.created_at,
        opened_at=invoice.opened_at,
        paid_at=invoice.paid_at,
        voided_at=invoice.voided_at,
        overdue_at=invoice.overdue_at,
        version=invoice.version,
    )


def _money(money: MoneyView) -> Money:
    return Money(amount=money.amount, currency=money.currency)


def _line(line: LineView) -> InvoiceLine:
    return InvoiceLine(
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        tax_rate=line.tax_rate,
        amount=line.amount,
    )
