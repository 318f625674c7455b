"""Look at a payment or a refund of which the gateway has sent a notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.gateway import Answer, GatewayUnavailableError, PaymentGateway
from hedgerow_billing.application.ports import BillingWork, TransferReader
from hedgerow_billing.application.tasks.settlement import settle, settle_refund
from hedgerow_billing.domain.errors import PaymentNotFound, RefundNotFound
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtPayment(Task):
    """Recorded with a notice; its key is the notice's id."""

    name: ClassVar[str] = "billing.look_at_payment"

    payment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtRefund(Task):
    """Recorded with a notice; its key is the notice's id."""

    name: ClassVar[str] = "billing.look_at_refund"

    refund_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the gateway says now of a payment or a refund of this invoice."""

    invoice_id: UUID
    answer: Answer


class LookAtPaymentHandler:
    """Runs in a worker. Notices may come twice, late, in any order, or be lies: what the gateway answers counts."""

    def __init__(self, *, transfers: TransferReader, gateway: PaymentGateway, clock: Clock) -> None:
        self._transfers = transfers
        self._gateway = gateway
        self._clock = clock

    async def call(self, task: LookAtPayment) -> Found | None:
        """Ask for the charge; never charge. None if there is nothing to find out.

        Raises:
            GatewayTimeoutError, GatewayUnavailableError: no answer, or none yet; the ledger tries again.
        """
        try:
            outstanding = await self._transfers.charge(task.payment_id)
        except PaymentNotFound:  # another Hedgerow may use the same account at the gateway
            return None
        if outstanding is None:
            return None
        return _found(outstanding.invoice_id, await self._gateway.find_charge(outstanding.request))

    async def apply(self, task: LookAtPayment, found: Found | None, work: BillingWork) -> None:
        """Record the answer."""
        if found is not None:
            await settle(
                work,
                invoice_id=found.invoice_id,
                payment_id=task.payment_id,
                outcome=found.answer,
                at=self._clock.now(),
            )


class LookAtRefundHandler:
    """The same for refunds."""

    def __init__(self, *, transfers: TransferReader, gateway: PaymentGateway, clock: Clock, series: str) -> None:
        self._transfers = transfers
        self._gateway = gateway
        self._clock = clock
        self._series = series

    async def call(self, task: LookAtRefund) -> Found | None:
        """Ask for the refund; never give back. None if there is nothing to find out.

        Raises:
            GatewayTimeoutError, GatewayUnavailableError: no answer, or none yet; the ledger tries again.
        """
        try:
            outstanding = await self._transfers.refund(task.refund_id)
        except RefundNotFound:
            return None
        if outstanding is None:
            return None
        return _found(outstanding.invoice_id, await self._gateway.find_refund(outstanding.request))

    async def apply(self, task: LookAtRefund, found: Found | None, work: BillingWork) -> None:
        """Record the answer."""
        if found is not None:
            await settle_refund(work, found.invoice_id, task.refund_id, found.answer, self._series, self._clock)


def _found(invoice_id: UUID, answer: Answer | None) -> Found:
    if answer is None:
        raise GatewayUnavailableError("the gateway has sent a notice of it, and does not find it yet")
    return Found(invoice_id=invoice_id, answer=answer)
