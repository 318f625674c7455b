"""The port to whoever moves the money. Called by tasks in a worker, never inside a transaction.

A gateway knows what it moves by the idempotency key of the request. Never change the keys' form: it remembers
old ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_billing.domain.money import Money

PAYMENT_KEY, REFUND_KEY = "hedgerow-payment-", "hedgerow-refund-"

KEYS_HOLD = timedelta(hours=12)
"""So long after its first use a key surely keeps money from moving twice. Stripe forgets keys after a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take this amount, once per key. `method` is the gateway's name for how the customer pays, if one is known."""

    idempotency_key: str
    amount: Money
    method: str | None = None

    @classmethod
    def for_payment(cls, payment_id: UUID, amount: Money, method: str | None = None) -> ChargeRequest:
        """The request of a payment: the same payment always has the same key."""
        return cls(idempotency_key=f"{PAYMENT_KEY}{payment_id}", amount=amount, method=method)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give back this much of a charge, once per key. `charge` is the gateway's name for the charge."""

    idempotency_key: str
    charge: str
    amount: Money

    @classmethod
    def for_refund(cls, refund_id: UUID, charge: str, amount: Money) -> RefundRequest:
        """The request of a refund: the same refund always has the same key."""
        return cls(idempotency_key=f"{REFUND_KEY}{refund_id}", charge=charge, amount=amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The gateway has moved the money; `reference` is its name for the charge or the refund."""

    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The gateway refused for good; `reason` is its word for why (`card_declined`)."""

    reason: str


Answer = Moved | Declined


class GatewayTimeoutError(Exception):
    """The gateway was asked and did not answer in time: the money may have been moved or not."""


class GatewayUnavailableError(Exception):
    """The gateway surely did nothing: it was not reached, or said that it cannot work now. Ask again later."""


class PaymentGateway(Protocol):
    """Charges customers and gives back. An adapter bounds every call by a timeout of its own."""

    async def charge(self, request: ChargeRequest) -> Answer:
        """Take the money. Safe to repeat: a second call with the same key takes nothing more.

        That holds for `KEYS_HOLD`. If the first call may be longer ago, ask `find_charge` first, every time.

        Raises:
            GatewayTimeoutError: the outcome is unknown.
            GatewayUnavailableError: nothing was taken.
        """
        ...

    async def find_charge(self, request: ChargeRequest) -> Answer | None:
        """What became of the charge; None if the gateway knows of none. Moves nothing.

        What was moved a moment ago may not be found yet: the key still holds then, so `charge` may follow.

        Raises:
            GatewayTimeoutError: it did not answer, or has not decided.
            GatewayUnavailableError: it cannot answer now.
        """
        ...

    async def refund(self, request: RefundRequest) -> Answer:
        """Give the money back. Safe to repeat: a second call with the same key gives back nothing more.

        That holds for `KEYS_HOLD`. If the first call may be longer ago, ask `find_refund` first, every time.

        Raises:
            GatewayTimeoutError: the outcome is unknown.
            GatewayUnavailableError: nothing was given back.
        """
        ...

    async def find_refund(self, request: RefundRequest) -> Answer | None:
        """What became of the refund; None if the gateway knows of none. Moves nothing.

        Raises:
            GatewayTimeoutError: it did not answer, or has not decided.
            GatewayUnavailableError: it cannot answer now.
        """
        ...

    async def close(self) -> None:
        """Let go of all connections. Called once, when a process stops serving."""
        ...
