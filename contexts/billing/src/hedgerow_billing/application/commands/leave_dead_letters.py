"""Leave some tasks that will be dead at once. Internal: the seed calls it; no route leads here."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_billing.application.ports import BillingWork
from hedgerow_billing.application.tasks.fail_on_purpose import FailOnPurpose
from hedgerow_core.application import Command


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveDeadLetters(Command[None]):
    """So many of them, once."""

    count: int


async def leave_dead_letters(command: LeaveDeadLetters, work: BillingWork) -> None:
    """Their keys are fixed: the ledger drops those that it knows."""
    for number in range(1, command.count + 1):
        await work.tasks.enqueue(FailOnPurpose(number=number), key=f"demo {number}")
