"""The port to whoever moves the money. Called by tasks in a worker, never inside a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from hedgerow_billing.domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take this amount, once per key."""

    idempotency_key: str
    amount: Money

    @classmethod
    def for_payment(cls, payment_id: UUID, amount: Money) -> ChargeRequest:
        """The request of a payment: the same payment always has the same key."""
        return cls(idempotency_key=idempotency_key_of(payment_id), amount=amount)


def idempotency_key_of(payment_id: UUID) -> str:
    """The key under which the gateway knows a payment. Never change the form: the gateway remembers old ones."""
    return f"hedgerow-payment-{payment_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSucceeded:
    """The gateway has the money; `reference` is its name for the charge."""

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeDeclined:
    """The gateway refused for good; `reason` is its word for why (`card_declined`)."""

    reason: str


ChargeResult = ChargeSucceeded | ChargeDeclined


class GatewayTimeoutError(Exception):
    """The gateway was asked and did not answer in time: the money may have been taken or not."""


class GatewayUnavailableError(Exception):
    """The gateway surely did nothing: it was not reached, or said that it cannot work now. Ask again later."""


class PaymentGateway(Protocol):
    """Charges customers. An adapter bounds every call by a timeout of its own."""

    async def charge(self, request: ChargeRequest) -> ChargeResult:
        """Take the money. Safe to repeat: a second call with the same key takes nothing more.

        Raises:
            GatewayTimeoutError: the outcome is unknown.
            GatewayUnavailableError: nothing was taken.
        """
        ...

    async def find(self, idempotency_key: str) -> ChargeResult | None:
        """What became of the charge under this key; None if the gateway knows of none. Changes nothing.

        Raises:
            GatewayTimeoutError: it did not answer.
            GatewayUnavailableError: it cannot answer now.
        """
        ...
