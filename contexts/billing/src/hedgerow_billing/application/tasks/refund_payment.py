"""Give money back through the gateway, and find out what became of it if the gateway did not answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.gateway import KEYS_HOLD, Answer, GatewayTimeoutError, PaymentGateway
from hedgerow_billing.application.ports import BillingWork, OutstandingRefund, TransferReader
from hedgerow_billing.application.tasks.settlement import Outcome, OutcomeUnknown, settle_refund
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment(Task):
    """Recorded together with the refund; its key is the refund's id."""

    name: ClassVar[str] = "billing.refund_payment"

    refund_id: UUID
    invoice_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRefund(Task):
    """Recorded when a refund timed out; its key is the refund's id."""

    name: ClassVar[str] = "billing.reconcile_refund"

    refund_id: UUID
    invoice_id: UUID


class RefundPaymentHandler:
    """Runs in a worker. However often it runs, the gateway gives back once: the key is the refund's."""

    def __init__(
        self,
        *,
        transfers: TransferReader,
        gateway: PaymentGateway,
        clock: Clock,
        series: str,
        reconcile_delay: timedelta,
    ) -> None:
        self._transfers = transfers
        self._gateway = gateway
        self._clock = clock
        self._series = series
        self._reconcile_delay = reconcile_delay

    async def call(self, task: RefundPayment) -> Outcome | None:
        """Ask the gateway, outside any transaction. None if the refund is settled by now.

        Raises:
            GatewayUnavailableError: nothing was given back; the ledger tries again.
        """
        outstanding = await self._transfers.refund(task.refund_id)
        if outstanding is None:
            return None
        try:
            return await self._refund(outstanding)
        except GatewayTimeoutError:
            return OutcomeUnknown()

    async def _refund(self, outstanding: OutstandingRefund) -> Answer:
        """Give back; but look first if this may have been tried so long ago that the key has been forgotten."""
        if self._clock.now() - outstanding.requested_at > KEYS_HOLD:
            found = await self._gateway.find_refund(outstanding.request)
            if found is not None:
                return found
        return await self._gateway.refund(outstanding.request)

    async def apply(self, task: RefundPayment, outcome: Outcome | None, work: BillingWork) -> None:
        """Record the outcome; if there is none, leave a task that finds out."""
        if outcome is None:
            return
        await settle_refund(work, task.invoice_id, task.refund_id, outcome, self._series, self._clock)
        if isinstance(outcome, OutcomeUnknown):
            await work.tasks.enqueue(
                ReconcileRefund(refund_id=task.refund_id, invoice_id=task.invoice_id),
                delay=self._reconcile_delay,
                key=str(task.refund_id),
            )


class ReconcileRefundHandler:
    """Runs in a worker, again and again by the ledger's retry policy until the gateway has answered."""

    def __init__(self, *, transfers: TransferReader, gateway: PaymentGateway, clock: Clock, series: str) -> None:
        self._transfers = transfers
        self._gateway = gateway
        self._clock = clock
        self._series = series

    async def call(self, task: ReconcileRefund) -> Answer | None:
        """Ask for the refund; if the gateway knows of none, ask for it again. None if it is settled by now.

        Raises:
            GatewayTimeoutError, GatewayUnavailableError: still no answer; the ledger tries again.
        """
        outstanding = await self._transfers.refund(task.refund_id)
        if outstanding is None:
            return None
        request = outstanding.request
        return await self._gateway.find_refund(request) or await self._gateway.refund(request)

    async def apply(self, task: ReconcileRefund, answer: Answer | None, work: BillingWork) -> None:
        """Record the answer."""
        if answer is not None:
            await settle_refund(work, task.invoice_id, task.refund_id, answer, self._series, self._clock)
