"""A credit note: takes back some of an invoice, under a number of its own. It never changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.errors import InvalidReason
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import ValueObject

MAX_REASON = 500
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNote(ValueObject):
    """So much less is owed, or was given back by that refund. `tax` is the part of `amount` that was tax.

    Raises:
        InvalidReason: the reason is empty, too long, or holds a NUL.
    """

    id: UUID
    number: DocumentNumber
    amount: Money
    tax: Money
    reason: str
    issued_at: datetime
    refund_id: UUID | None = None

    def __post_init__(self) -> None:
        demand_reason(self.reason)

    @property
    def net(self) -> Money:
        """What of the amount was no tax."""
        return self.amount - self.tax


def demand_reason(reason: str) -> None:
    """Refuse a reason that says nothing, or cannot be saved.

    Raises:
        InvalidReason: it is empty, too long, or holds a NUL.
    """
    if not reason.strip() or "\x00" in reason or len(reason) > MAX_REASON:
        raise InvalidReason(MAX_REASON)
