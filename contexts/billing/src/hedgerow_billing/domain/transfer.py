"""Money on its way through the gateway: a payment to us, or a refund to the customer.

    pending ──▶ succeeded | failed       the gateway has answered
       └──────▶ unknown ──▶ succeeded | failed    it did not answer in time; the reconciler finds out

What is settled never changes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from hedgerow_billing.domain.errors import ContradictingResult
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import Entity, ValueObject


class TransferStatus(StrEnum):
    """How far a transfer has come."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def is_settled(self) -> bool:
        """Whether the outcome is known, and so final."""
        return self in {TransferStatus.SUCCEEDED, TransferStatus.FAILED}


IN_PROGRESS = tuple(status for status in TransferStatus if not status.is_settled)
"""Of these, money may still move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(ValueObject):
    """How far a transfer has come, and what the gateway said. `gateway_reference` is its name for what it moved."""

    status: TransferStatus = TransferStatus.PENDING
    settled_at: datetime | None = None
    gateway_reference: str | None = None
    failure: str | None = None


REQUESTED = Progress()


class Transfer(Entity[UUID]):
    """One request to the gateway. Lives inside an invoice, which alone calls the methods that change it."""

    __slots__ = ("amount", "progress", "requested_at")

    kind: ClassVar[str]

    def __init__(self, id: UUID, *, amount: Money, requested_at: datetime, progress: Progress = REQUESTED) -> None:
        super().__init__(id)
        self.amount = amount
        self.requested_at = requested_at
        self.progress = progress

    @property
    def status(self) -> TransferStatus:
        """How far it has come."""
        return self.progress.status

    @property
    def in_progress(self) -> bool:
        """Whether money may still move."""
        return not self.status.is_settled

    def succeed(self, gateway_reference: str, at: datetime) -> bool:
        """The gateway moved the money. Returns False if that was known.

        Raises:
            ContradictingResult: it is known to have failed, or under another reference.
        """
        if self.status.is_settled:
            self._demand_same(TransferStatus.SUCCEEDED, gateway_reference)
            return False
        self.progress = Progress(
            status=TransferStatus.SUCCEEDED, settled_at=at, gateway_reference=gateway_reference
        )
        return True

    def fail(self, reason: str, at: datetime) -> bool:
        """The gateway refused. Returns False if that was known.

        Raises:
            ContradictingResult: it is known to have succeeded.
        """
        if self.status.is_settled:
            self._demand_same(TransferStatus.FAILED)
            return False
        self.progress = Progress(status=TransferStatus.FAILED, settled_at=at, failure=reason)
        return True

    def become_unknown(self) -> bool:
        """The gateway kept silent. Silence contradicts nothing: returns False if we know more or the same."""
        if self.status is not TransferStatus.PENDING:
            return False
        self.progress = Progress(status=TransferStatus.UNKNOWN)
        return True

    def _demand_same(self, told: TransferStatus, reference: str | None = None) -> None:
        known = self.progress
        if known.status is not told or known.gateway_reference != reference:
            raise ContradictingResult(
                f"{self.kind} {self.id}",
                known=f"{known.status} ({known.gateway_reference or known.failure})",
                told=f"{told} ({reference})" if reference else told,
            )


class Payment(Transfer):
    """One attempt to collect what is due of an invoice.

    `method` is the gateway's name for how the customer pays; `automatic` if nobody asked but the due date.
    """

    __slots__ = ("automatic", "method")

    kind = "Payment"

    def __init__(
        self,
        id: UUID,
        *,
        amount: Money,
        requested_at: datetime,
        progress: Progress = REQUESTED,
        method: str | None = None,
        automatic: bool = False,
    ) -> None:
        super().__init__(id, amount=amount, requested_at=requested_at, progress=progress)
        self.method = method
        self.automatic = automatic


class Refund(Transfer):
    """Some or all of a payment on its way back."""

    __slots__ = ("payment_id", "reason")

    kind = "Refund"

    def __init__(
        self,
        id: UUID,
        *,
        payment_id: UUID,
        amount: Money,
        reason: str,
        requested_at: datetime,
        progress: Progress = REQUESTED,
    ) -> None:
        super().__init__(id, amount=amount, requested_at=requested_at, progress=progress)
        self.payment_id = payment_id
        self.reason = reason
