"""Charge a requested payment through the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.gateway import KEYS_HOLD, Answer, GatewayTimeoutError, PaymentGateway
from hedgerow_billing.application.ports import BillingWork, OutstandingCharge, TransferReader
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


class ChargePaymentHandler:
    """Runs in a worker. However often it runs, the gateway takes the money once: the key is the payment's."""

    def __init__(
        self, *, transfers: TransferReader, gateway: PaymentGateway, clock: Clock, reconcile_delay: timedelta
    ) -> None:
        self._transfers = transfers
        self._gateway = gateway
        self._clock = clock
        self._reconcile_delay = reconcile_delay

    async def call(self, task: ChargePayment) -> Outcome | None:
        """Ask the gateway, outside any transaction. None if the payment is settled by now.

        Raises:
            GatewayUnavailableError: nothing was taken; the ledger tries again.
        """
        outstanding = await self._transfers.charge(task.payment_id)
        if outstanding is None:
            return None
        try:
            return await self._charge(outstanding)
        except GatewayTimeoutError:
            return OutcomeUnknown()

    async def _charge(self, outstanding: OutstandingCharge) -> Answer:
        """Charge; but look first if this may have been tried so long ago that the key has been forgotten."""
        if self._clock.now() - outstanding.requested_at > KEYS_HOLD:
            found = await self._gateway.find_charge(outstanding.request)
            if found is not None:
                return found
        return await self._gateway.charge(outstanding.request)

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
