"""What loyalty does when something happens at billing, of which it knows event names and fields only.

Each event has a feed of its own, so a refund may be heard of before the payment that it gives back.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from hedgerow_core.messaging.events import Envelope
from hedgerow_loyalty.application.ports import LoyaltyWork


class PaidInvoice(BaseModel):
    """What loyalty reads of `billing.invoice_paid`; whatever else it carries is ignored."""

    invoice_id: UUID
    customer_id: UUID
    total_amount: int
    paid_amount: int | None = None


class RefundedInvoice(BaseModel):
    """What loyalty reads of `billing.invoice_refunded`."""

    invoice_id: UUID
    customer_id: UUID
    amount: int


async def earn_points(event: PaidInvoice, envelope: Envelope, work: LoyaltyWork) -> None:
    """Reward a payment."""
    amount = event.total_amount if event.paid_amount is None else event.paid_amount
    reward = await work.rewards.of_invoice(event.invoice_id, event.customer_id)
    reward.pay(amount, at=envelope.occurred_at)
    await work.rewards.save(reward)


async def take_points_back(event: RefundedInvoice, envelope: Envelope, work: LoyaltyWork) -> None:
    """Take back what a refund no longer deserves."""
    reward = await work.rewards.of_invoice(event.invoice_id, event.customer_id)
    reward.give_back(event.amount, at=envelope.occurred_at)
    await work.rewards.save(reward)
