"""Look at a payment of which the gateway has sent a notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.gateway import Answer, ChargeRequest, GatewayUnavailableError, PaymentGateway
from hedgerow_billing.application.ports import BillingWork, NoticedPaymentReader
from hedgerow_billing.application.tasks.settlement import settle
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtPayment(Task):
    """Recorded with a notice; its key is the notice's id."""

    name: ClassVar[str] = "billing.look_at_payment"

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the gateway says now of a payment of this invoice."""

    invoice_id: UUID
    answer: Answer


class LookAtPaymentHandler:
    """Runs in a worker. Notices may come twice, late, in any order, or be lies: what the gateway answers counts."""

    def __init__(self, *, payments: NoticedPaymentReader, gateway: PaymentGateway, clock: Clock) -> None:
        self._payments = payments
        self._gateway = gateway
        self._clock = clock

    async def call(self, task: LookAtPayment) -> Found | None:
        """Ask for the charge; never charge. None if there is nothing to find out.

        Raises:
            GatewayTimeoutError, GatewayUnavailableError: no answer, or none yet; the ledger tries again.
        """
        payment = await self._payments.find(task.payment_id)
        # Another Hedgerow may use the same account at the gateway: then the payment is its own.
        if payment is None or payment.status.is_settled:
            return None
        answer = await self._gateway.find_charge(ChargeRequest.for_payment(payment.id, payment.amount))
        if answer is None:
            raise GatewayUnavailableError("the gateway has sent a notice of the charge, and does not find it yet")
        return Found(invoice_id=payment.invoice_id, answer=answer)

    async def apply(self, task: LookAtPayment, found: Found | None, work: BillingWork) -> None:
        """Record the answer."""
        if found is None:
            return
        await settle(
            work,
            invoice_id=found.invoice_id,
            payment_id=task.payment_id,
            outcome=found.answer,
            at=self._clock.now(),
        )
