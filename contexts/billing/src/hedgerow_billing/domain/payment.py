"""A payment: one attempt to collect the total of an invoice. Lives inside its invoice.

    pending ──▶ succeeded | failed       the gateway has answered
       └──────▶ unknown ──▶ succeeded | failed    it did not answer in time; the reconciler finds out

A settled payment never changes again.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from hedgerow_billing.domain.errors import ContradictingPaymentResult
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import Entity


class PaymentStatus(StrEnum):
    """How far a payment has come."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        """Whether the outcome is known, and so final."""
        return self in {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED}


IN_PROGRESS = tuple(status for status in PaymentStatus if not status.is_settled)
"""Of these, money may still move."""


class Payment(Entity[UUID]):
    """One attempt to pay. Only its invoice calls the methods that change it."""

    __slots__ = ("amount", "failure", "gateway_reference", "requested_at", "settled_at", "status")

    def __init__(
        self,
        id: UUID,
        *,
        amount: Money,
        requested_at: datetime,
        status: PaymentStatus = PaymentStatus.PENDING,
        settled_at: datetime | None = None,
        gateway_reference: str | None = None,
        failure: str | None = None,
    ) -> None:
        super().__init__(id)
        self.amount = amount
        self.requested_at = requested_at
        self.status = status
        self.settled_at = settled_at
        self.gateway_reference = gateway_reference
        self.failure = failure

    @property
    def in_progress(self) -> bool:
        """Whether money may still move."""
        return not self.status.is_settled

    def succeed(self, gateway_reference: str, at: datetime) -> bool:
        """The gateway took the money. Returns False if that was known.

        Raises:
            ContradictingPaymentResult: it is known to have failed, or under another reference.
        """
        if self.status.is_settled:
            self._demand_same(PaymentStatus.SUCCEEDED, gateway_reference)
            return False
        self.status = PaymentStatus.SUCCEEDED
        self.gateway_reference = gateway_reference
        self.settled_at = at
        return True

    def fail(self, reason: str, at: datetime) -> bool:
        """The gateway refused. Returns False if that was known.

        Raises:
            ContradictingPaymentResult: it is known to have succeeded.
        """
        if self.status.is_settled:
            self._demand_same(PaymentStatus.FAILED)
            return False
        self.status = PaymentStatus.FAILED
        self.failure = reason
        self.settled_at = at
        return True

    def become_unknown(self) -> bool:
        """The gateway kept silent. Silence contradicts nothing: returns False if we know more or the same."""
        if self.status is not PaymentStatus.PENDING:
            return False
        self.status = PaymentStatus.UNKNOWN
        return True

    def _demand_same(self, told: PaymentStatus, reference: str | None = None) -> None:
        if self.status is not told or self.gateway_reference != reference:
            raise ContradictingPaymentResult(
                self.id,
                known=f"{self.status} ({self.gateway_reference or self.failure})",
                told=f"{told} ({reference})" if reference else told,
            )
