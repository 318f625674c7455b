"""What callers see of an invoice, straight from its row: the read side needs no aggregate.

The same rules as the aggregate's, in whole numbers. A test walks invoices through everything that can happen to
them, and holds one against the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from hedgerow_billing.application.views import (
    CreditNoteView,
    InvoiceView,
    LineView,
    MoneyView,
    PaymentView,
    RefundView,
    TaxView,
)
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.domain.taxes import TaxRate
from hedgerow_billing.domain.transfer import TransferStatus

_OWING_NOTHING = frozenset({InvoiceStatus.PAID, InvoiceStatus.VOID})
_WHOLE = 100_000
"""100 %, in thousandths of a percent."""
_SUCCEEDED, _FAILED = TransferStatus.SUCCEEDED.value, TransferStatus.FAILED.value


def invoice_view_of(row: Row[Any]) -> InvoiceView:
    """The view of a row of `WHOLE_INVOICES`."""
    currency: str = row.currency
    status = InvoiceStatus(row.status)
    paid = next((each["amount"] for each in row.payments if each["status"] == _SUCCEEDED), None)
    refunded = sum(each["amount"] for each in row.refunds if each["status"] != _FAILED)
    nothing = MoneyView(amount=0, currency=currency)

    def money(amount: int) -> MoneyView:
        return MoneyView(amount=amount, currency=currency) if amount else nothing

    return InvoiceView(
        id=row.id,
        customer_id=row.customer_id,
        status=status,
        number=None if row.place is None else str(DocumentNumber(row.series, row.place)),
        currency=currency,
        net=money(row.total - row.tax),
        tax=money(row.tax),
        total=money(row.total),
        due=nothing if status in _OWING_NOTHING else money(row.total - row.credited),
        credited=money(row.credited),
        refunded=money(refunded),
        refundable=nothing if paid is None else money(paid - refunded),
        lines=[_line(line) for line in row.lines],
        taxes=_taxes(row.lines),
        payments=[_payment(each) for each in row.payments],
        refunds=[_refund(each) for each in row.refunds],
        credit_notes=[_credit_note(each) for each in row.credit_notes],
        automatic=row.automatic,
        due_days=row.due_days,
        due_on=row.due_on,
        collect_at=row.collect_at,
        version=row.version,
        created_at=row.created_at,
        opened_at=row.opened_at,
        paid_at=row.paid_at,
        voided_at=row.voided_at,
        uncollectible_at=row.uncollectible_at,
        overdue_at=row.overdue_at,
    )


def _line(line: Mapping[str, Any]) -> LineView:
    return LineView(
        description=line["description"],
        quantity=line["quantity"],
        unit_price=line["unit_price"],
        tax_rate=_percent(_rate(line)),
        amount=line["quantity"] * line["unit_price"],
    )


def _taxes(lines: Sequence[Mapping[str, Any]]) -> list[TaxView]:
    """On the sum of each rate's lines, rounded half up."""
    nets: dict[int, int] = {}
    for line in lines:
        rate = _rate(line)
        nets[rate] = nets.get(rate, 0) + line["quantity"] * line["unit_price"]
    return [
        TaxView(rate=_percent(rate), net=net, amount=(2 * net * rate + _WHOLE) // (2 * _WHOLE))
        for rate, net in sorted(nets.items())
    ]


def _rate(line: Mapping[str, Any]) -> int:
    rate: int = line.get("tax_rate", 0)  # older lines have none
    return rate


@lru_cache(maxsize=512)
def _percent(thousandths: int) -> str:
    return str(TaxRate(thousandths))


def _payment(payment: Mapping[str, Any]) -> PaymentView:
    return PaymentView(
        id=UUID(payment["id"]),
        status=TransferStatus(payment["status"]),
        amount=MoneyView(amount=payment["amount"], currency=payment["currency"]),
        automatic=payment["automatic"],
        requested_at=_time(payment["requested_at"]),
        settled_at=_time_if_any(payment["settled_at"]),
        failure=payment["failure"],
    )


def _refund(refund: Mapping[str, Any]) -> RefundView:
    return RefundView(
        id=UUID(refund["id"]),
        status=TransferStatus(refund["status"]),
        amount=MoneyView(amount=refund["amount"], currency=refund["currency"]),
        reason=refund["reason"],
        requested_at=_time(refund["requested_at"]),
        settled_at=_time_if_any(refund["settled_at"]),
        failure=refund["failure"],
    )


def _credit_note(note: Mapping[str, Any]) -> CreditNoteView:
    return CreditNoteView(
        id=UUID(note["id"]),
        number=str(DocumentNumber(note["series"], note["place"])),
        amount=MoneyView(amount=note["amount"], currency=note["currency"]),
        tax=MoneyView(amount=note["tax"], currency=note["currency"]),
        reason=note["reason"],
        issued_at=_time(note["issued_at"]),
        refund_id=None if note["refund_id"] is None else UUID(note["refund_id"]),
    )


def _time(written: str) -> datetime:
    """jsonb writes a timestamp in the session's time zone, with its offset."""
    return datetime.fromisoformat(written).astimezone(UTC)


def _time_if_any(written: str | None) -> datetime | None:
    return None if written is None else _time(written)
