"""Begin the payments that automatic invoices plan: on the due date, and after a decline on the next planned day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.tasks.charge_payment import ChargePayment
from hedgerow_billing.domain.collection import RetryPlan
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock

AT_ONCE = 50
"""Invoices a transaction: who wants one of them waits for its end, so it stays short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectPayments(Task):
    """Made by the clock, and by itself while there is more to do."""

    name: ClassVar[str] = "billing.collect_payments"

    tick: datetime
    batch: int = 1


class CollectPaymentsHandler:
    """Begins the payments of one batch, each with the task that charges it: neither exists without the other.

    Several at a time pass each other by. An attempt is begun once: it moves the invoice's plan on, under a lock.
    """

    def __init__(self, *, clock: Clock, plan: RetryPlan, method_needed: bool) -> None:
        self._clock = clock
        self._plan = plan
        self._method_needed = method_needed

    async def __call__(self, task: CollectPayments, work: BillingWork) -> None:
        """Handle the task."""
        now = self._clock.now()
        collectable = await work.invoices.lock_collectable(at=now, limit=AT_ONCE)
        for invoice in collectable:
            payment = invoice.collect(self._plan, now, method_needed=self._method_needed)
            if payment is None:  # a customer was faster
                continue
            await work.invoices.update(invoice)
            if payment.in_progress:
                charge = ChargePayment(payment_id=payment.id, invoice_id=invoice.id)
                await work.tasks.enqueue(charge, key=str(payment.id))
        if len(collectable) == AT_ONCE:
            following = replace(task, batch=task.batch + 1)
            await work.tasks.enqueue(following, key=f"{task.tick.isoformat()}/{following.batch}")
