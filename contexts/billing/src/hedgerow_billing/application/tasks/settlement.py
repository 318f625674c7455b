"""Writes a gateway's answer into the invoice: what the tasks that ask it do in their transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_billing.application.gateway import Answer, Declined, Moved
from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """The gateway was asked and kept silent. Not a result: somebody must find out."""


Outcome = Answer | OutcomeUnknown


async def settle(work: BillingWork, *, invoice_id: UUID, payment_id: UUID, outcome: Outcome, at: datetime) -> bool:
    """Record the outcome of a payment; returns False, and writes nothing, if it was known.

    Raises:
        ContradictingResult: the opposite is known.
        ConflictError: somebody changed the invoice at the same moment; the ledger tries again.
    """
    invoice = await work.invoices.get(invoice_id)
    changed = _record(invoice, payment_id, outcome, at)
    if changed:
        await work.invoices.update(invoice)
    return changed


async def settle_refund(
    work: BillingWork, invoice_id: UUID, refund_id: UUID, outcome: Outcome, series: str, clock: Clock
) -> bool:
    """Record the outcome of a refund; returns False, and writes nothing, if it was known.

    The time is looked at after the number is drawn, so that dates run as the numbers do.

    Raises:
        ContradictingResult: the opposite is known.
    """
    invoice = await work.invoices.locked(invoice_id)
    match outcome:
        case Moved(reference=reference) if invoice.refund(refund_id).in_progress:
            # Drawn only for a credit note that will be written: a number without one would be a gap.
            invoice.refund_succeeded(refund_id, reference, await work.numbers.draw(series), clock.now())
            changed = True
        case Moved(reference=reference):
            changed = invoice.refund(refund_id).succeed(reference, clock.now())
        case Declined(reason=reason):
            changed = invoice.refund_failed(refund_id, reason, clock.now())
        case OutcomeUnknown():
            changed = invoice.refund_unknown(refund_id)
    if changed:
        await work.invoices.update(invoice)
    return changed


def _record(invoice: Invoice, payment_id: UUID, outcome: Outcome, at: datetime) -> bool:
    match outcome:
        case Moved(reference=reference):
            return invoice.payment_succeeded(payment_id, reference, at)
        case Declined(reason=reason):
            return invoice.payment_failed(payment_id, reason, at)
        case OutcomeUnknown():
            return invoice.payment_unknown(payment_id, at)
