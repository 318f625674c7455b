"""A task that always fails: demo data brings some, so that operators have dead deliveries to try their hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hedgerow_billing.application.ports import BillingWork
from hedgerow_core.application import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class FailOnPurpose(Task):
    """Recorded by the seed alone."""

    name: ClassVar[str] = "billing.fail_on_purpose"

    number: int


class FailedOnPurpose(Exception):
    """What such a task dies of."""


async def fail_on_purpose(task: FailOnPurpose, _work: BillingWork) -> None:
    """Raises FailedOnPurpose, always."""
    raise FailedOnPurpose(f"demo task {task.number} fails on purpose: end it with `hedgerow tasks cancel`")
