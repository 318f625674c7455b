"""Void what a customer has not paid who is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.application.ports import BillingWork
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock

AT_ONCE = 100
"""Invoices a transaction: none is held up for long."""
NEXT_LOOK = timedelta(minutes=10)
"""While a payment is in progress, its invoice can be neither voided nor forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidUnpaidInvoices(Task):
    """Recorded when billing hears that an account was deleted."""

    name: ClassVar[str] = "billing.void_unpaid_invoices"

    customer_id: UUID


class VoidUnpaidInvoicesHandler:
    """Voids some, and leaves the rest to the next task: until nothing is owed, and no payment is in progress."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, task: VoidUnpaidInvoices, work: BillingWork) -> None:
        """Handle the task.

        Raises:
            ConflictError: somebody changed an invoice at the same moment; the ledger tries again.
        """
        # Asked first: a payment that fails in between leaves its invoice to `unpaid_of`.
        is_paying = await work.invoices.is_paying(task.customer_id)
        unpaid = await work.invoices.unpaid_of(task.customer_id, limit=AT_ONCE)
        for invoice in unpaid:
            invoice.void(at=self._clock.now())
            await work.invoices.update(invoice)
        if len(unpaid) == AT_ONCE:
            await work.tasks.enqueue(task)
        elif is_paying:
            await work.tasks.enqueue(task, delay=NEXT_LOOK)
