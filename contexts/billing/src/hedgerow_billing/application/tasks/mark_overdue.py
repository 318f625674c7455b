"""Note of open invoices that their due date has passed. The clock asks for it; it moves no money."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from hedgerow_billing.application.ports import BillingWork
from hedgerow_core.application import Task
from hedgerow_core.domain import Clock

AT_ONCE = 50
"""Invoices a transaction: who wants one of them waits for its end, so it stays short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkOverdue(Task):
    """Made by the clock, and by itself while there is more to do."""

    name: ClassVar[str] = "billing.mark_overdue"

    tick: datetime
    batch: int = 1


class MarkOverdueHandler:
    """Marks one batch. Several at a time pass each other by, and what somebody is changing waits for the next."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, task: MarkOverdue, work: BillingWork) -> None:
        """Handle the task."""
        now = self._clock.now()
        overdue = await work.invoices.lock_overdue(on=now.date(), limit=AT_ONCE)
        for invoice in overdue:
            if invoice.mark_overdue(now):
                await work.invoices.update(invoice)
        if len(overdue) == AT_ONCE:
            following = replace(task, batch=task.batch + 1)
            await work.tasks.enqueue(following, key=f"{task.tick.isoformat()}/{following.batch}")
