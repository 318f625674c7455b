"""Charge a requested payment through the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.gateway import (
    KEYS_HOLD,
    Answer,
    ChargeRequest,
    GatewayTimeoutError,
    PaymentGateway,
)
from hedgerow_billing.application.ports import BillingWork, PaymentReader
from hedgerow_billing.application.tasks.reconcile_payment import ReconcilePayment
from hedgerow_billing.application.tasks.settlement import Outcome, OutcomeUnknown, settle
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePayment(Task):
    """Recorded together with the payment; its key is the payment's id."""

    name: ClassVar[str] = "billing.charge_payment"

    payment_id: UUID
    invoice_id: UUID
    requested_at: datetime | None = None
    """Not known of tasks that were recorded before it was kept."""


class ChargePaymentHandler:
    """Runs in a worker. However often it runs, the gateway takes the money once: the key is the payment's."""

    def __init__(
        self, *, payments: PaymentReader, gateway: PaymentGateway, clock: Clock, reconcile_delay: timedelta
    ) -> None:
        self._payments = payments
        self._gateway = gateway
        self._clock = clock
        self._reconcile_delay = reconcile_delay

    async def call(self, task: ChargePayment) -> Outcome | None:
        """Ask the gateway, outside any transaction. None if the payment is settled by now.

        Raises:
            GatewayUnavailableError: nothing was taken; the ledger tries again.
        """
        payment = await self._payments.get(task.payment_id)
        if payment.status.is_settled:
            return None
        try:
            return await self._charge(task, ChargeRequest.for_payment(payment.id, payment.amount))
        except GatewayTimeoutError:
            return OutcomeUnknown()

    async def _charge(self, task: ChargePayment, request: ChargeRequest) -> Answer:
        """Charge; but look first if this may have been tried so long ago that the key has been forgotten."""
        if task.requested_at is None or self._clock.now() - task.requested_at > KEYS_HOLD:
            return await self._gateway.find_charge(request) or await self._gateway.charge(request)
        return await self._gateway.charge(request)

    async def apply(self, task: ChargePayment, outcome: Outcome | None, work: BillingWork) -> None:
        """Record the outcome; if there is none, leave a task that finds out."""
        if outcome is None:
            return
        await settle(
            work,
            invoice_id=task.invoice_id,
            payment_id=task.payment_id,
            outcome=outcome,
            at=self._clock.now(),
        )
        if isinstance(outcome, OutcomeUnknown):
            # Even if nothing changed: the key drops a second task, and one too many finds a settled payment.
            await work.tasks.enqueue(
                ReconcilePayment(payment_id=task.payment_id, invoice_id=task.invoice_id),
                delay=self._reconcile_delay,
                key=str(task.payment_id),
            )
