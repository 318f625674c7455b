"""Find out what became of a payment whose charge was not answered. Asks; never guesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.gateway import Answer, PaymentGateway
from hedgerow_billing.application.ports import BillingWork, TransferReader
from hedgerow_billing.application.tasks.settlement import settle
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePayment(Task):
    """Recorded when a charge timed out; its key is the payment's id."""

    name: ClassVar[str] = "billing.reconcile_payment"

    payment_id: UUID
    invoice_id: UUID


class ReconcilePaymentHandler:
    """Runs in a worker, again and again by the ledger's retry policy until the gateway has answered."""

    def __init__(self, *, transfers: TransferReader, gateway: PaymentGateway, clock: Clock) -> None:
        self._transfers = transfers
        self._gateway = gateway
        self._clock = clock

    async def call(self, task: ReconcilePayment) -> Answer | None:
        """Ask for the charge; if the gateway knows of none, charge again. None if the payment is settled by now.

        Charging again is safe: should the first request reach the gateway late after all, both carry the same
        key and the money is taken once.

        Raises:
            GatewayTimeoutError, GatewayUnavailableError: still no answer; the ledger tries again.
        """
        outstanding = await self._transfers.charge(task.payment_id)
        if outstanding is None:
            return None
        request = outstanding.request
        return await self._gateway.find_charge(request) or await self._gateway.charge(request)

    async def apply(self, task: ReconcilePayment, result: Answer | None, work: BillingWork) -> None:
        """Record the result."""
        if result is None:
            return
        await settle(
            work,
            invoice_id=task.invoice_id,
            payment_id=task.payment_id,
            outcome=result,
            at=self._clock.now(),
        )
