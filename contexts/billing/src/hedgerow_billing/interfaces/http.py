"""The routes of billing. Each turns a request into one message for the bus.

Customers act on their own invoices; who looks after the books credits, refunds and writes off anybody's.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response
from pydantic import StringConstraints

from hedgerow_billing.application.commands.create_invoice import CreateInvoice
from hedgerow_billing.application.commands.credit_invoice import CreditInvoice
from hedgerow_billing.application.commands.open_invoice import OpenInvoice
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.commands.request_refund import RequestRefund
from hedgerow_billing.application.commands.void_invoice import VoidInvoice
from hedgerow_billing.application.commands.write_off_invoice import WriteOffInvoice
from hedgerow_billing.application.queries.get_invoice import GetInvoice
from hedgerow_billing.application.queries.list_invoices import NEWEST_FIRST, ListInvoices
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.interfaces.schemas import (
    CreditRequestModel,
    InvoiceModel,
    NewInvoiceModel,
    PaymentRequestModel,
    RefundRequestModel,
)
from hedgerow_core.application import DEFAULT_LIMIT, Bus, Filters, Operator, Page
from hedgerow_core.http import (
    Caller,
    ContextRouter,
    Filterable,
    FilterField,
    IfMatch,
    Limit,
    NextPage,
    PageModel,
    Rows,
    SortOrder,
    as_it_is,
    idempotent,
    permitted,
    tagged,
)

READ_ANY = "billing:invoice:read_any"

Number = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{0,11}-[0-9]{6,9}$")]
"""As documents say it: `INV-000042`."""

INVOICES = Filterable(
    number=FilterField(Number, (Operator.EQ,)),
    customer_id=FilterField.id(),
    status=FilterField.choice(InvoiceStatus),
    currency=FilterField.text(),
    total=FilterField.whole(),
    created_at=FilterField.moment(),
    opened_at=FilterField.moment(nullable=True),
    due_on=FilterField.day(nullable=True),
    overdue_at=FilterField.moment(nullable=True),
    paid_at=FilterField.moment(nullable=True),
)
InvoiceFilters = Annotated[Filters, Depends(INVOICES.read)]


def billing_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries the messages of billing."""
    router = ContextRouter("billing")

    @router.post("/invoices", status_code=HTTPStatus.CREATED, response_model=InvoiceModel)
    @permitted("billing:invoice:create")
    @idempotent
    @as_it_is
    async def create_invoice(body: NewInvoiceModel, caller: Caller, response: Response) -> InvoiceView:
        """Write a draft."""
        invoice = await bus.execute(
            CreateInvoice(
                customer_id=caller.subject,
                currency=body.currency,
                lines=tuple(line.to_line() for line in body.lines),
                due_days=body.due_days,
                automatic=body.automatic,
                payment_method=body.payment_method,
            )
        )
        response.headers["Location"] = f"{router.prefix}/invoices/{invoice.id}"
        return tagged(response, invoice)

    @router.get("/invoices", response_model=PageModel[InvoiceModel], openapi_extra=INVOICES.openapi())
    @permitted("billing:invoice:read", all_rows=READ_ANY)
    @as_it_is
    async def list_invoices(
        rows: Rows,
        filters: InvoiceFilters,
        limit: Limit = DEFAULT_LIMIT,
        cursor: NextPage = None,
        sort: SortOrder = NEWEST_FIRST,
    ) -> Page[InvoiceView]:
        """List your invoices, or everybody's if you look after all, sorted by `created_at` and `total`."""
        return await bus.ask(ListInvoices(rows=rows, filters=filters, limit=limit, cursor=cursor, sort=sort))

    @router.get("/invoices/{invoice_id}", response_model=InvoiceModel)
    @permitted("billing:invoice:read", all_rows=READ_ANY)
    @as_it_is
    async def get_invoice(invoice_id: UUID, rows: Rows, response: Response) -> InvoiceView:
        """Look at one of your invoices, or at anybody's if you look after all."""
        return tagged(response, await bus.ask(GetInvoice(rows=rows, invoice_id=invoice_id)))

    @router.post("/invoices/{invoice_id}/open", response_model=InvoiceModel)
    @permitted("billing:invoice:open")
    @idempotent
    @as_it_is
    async def open_invoice(invoice_id: UUID, caller: Caller, expected: IfMatch, response: Response) -> InvoiceView:
        """Make a draft binding, so that it can be paid."""
        command = OpenInvoice(customer_id=caller.subject, invoice_id=invoice_id, expected=expected)
        return tagged(response, await bus.execute(command))

    @router.post("/invoices/{invoice_id}/void", response_model=InvoiceModel)
    @permitted("billing:invoice:void")
    @idempotent
    @as_it_is
    async def void_invoice(invoice_id: UUID, caller: Caller, expected: IfMatch, response: Response) -> InvoiceView:
        """Withdraw a draft or an open invoice."""
        command = VoidInvoice(customer_id=caller.subject, invoice_id=invoice_id, expected=expected)
        return tagged(response, await bus.execute(command))

    @router.post(
        "/invoices/{invoice_id}/request-payment",
        status_code=HTTPStatus.ACCEPTED,
        response_model=InvoiceModel,
    )
    @permitted("billing:invoice:pay")
    @idempotent
    @as_it_is
    async def request_payment(
        invoice_id: UUID,
        caller: Caller,
        expected: IfMatch,
        response: Response,
        body: PaymentRequestModel | None = None,
    ) -> InvoiceView:
        """Pay an open invoice. The charge follows; watch the invoice's `payments` for its outcome."""
        command = RequestPayment(
            customer_id=caller.subject,
            invoice_id=invoice_id,
            method=None if body is None else body.payment_method,
            expected=expected,
        )
        return tagged(response, await bus.execute(command))

    @router.post("/invoices/{invoice_id}/credit-notes", response_model=InvoiceModel)
    @permitted("billing:invoice:credit")
    @idempotent
    @as_it_is
    async def credit_invoice(
        invoice_id: UUID, body: CreditRequestModel, expected: IfMatch, response: Response
    ) -> InvoiceView:
        """Have a customer owe less of an open invoice."""
        command = CreditInvoice(invoice_id=invoice_id, amount=body.amount, reason=body.reason, expected=expected)
        return tagged(response, await bus.execute(command))

    @router.post("/invoices/{invoice_id}/refunds", status_code=HTTPStatus.ACCEPTED, response_model=InvoiceModel)
    @permitted("billing:invoice:refund")
    @idempotent
    @as_it_is
    async def request_refund(
        invoice_id: UUID, body: RefundRequestModel, expected: IfMatch, response: Response
    ) -> InvoiceView:
        """Give back what a customer has paid. Watch the invoice's `refunds` for the outcome."""
        command = RequestRefund(invoice_id=invoice_id, amount=body.amount, reason=body.reason, expected=expected)
        return tagged(response, await bus.execute(command))

    @router.post("/invoices/{invoice_id}/write-off", response_model=InvoiceModel)
    @permitted("billing:invoice:write_off")
    @idempotent
    @as_it_is
    async def write_off_invoice(invoice_id: UUID, expected: IfMatch, response: Response) -> InvoiceView:
        """Count on the money of an open invoice no longer: it is uncollectible."""
        return tagged(response, await bus.execute(WriteOffInvoice(invoice_id=invoice_id, expected=expected)))

    return router
