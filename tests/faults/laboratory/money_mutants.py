"""Builds of billing that are broken on purpose; see `mutants`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4


def charges_under_fresh_keys() -> None:
    """Whoever charges makes up a key, so that no attempt is disturbed by one before."""
    from hedgerow_billing.infrastructure.gateways.stripe import StripeGateway

    sound = StripeGateway.charge

    async def charge(self: StripeGateway, request: Any) -> Any:
        return await sound(self, replace(request, idempotency_key=f"{request.idempotency_key}-{uuid4()}"))

    StripeGateway.charge = charge  # type: ignore[method-assign]


def takes_silence_for_a_no() -> None:
    """Who does not answer in time has not charged, has it?"""
    from hedgerow_billing.application.gateway import Declined, GatewayTimeoutError
    from hedgerow_billing.infrastructure.gateways.stripe import StripeGateway

    sound = StripeGateway.charge

    async def charge(self: StripeGateway, request: Any) -> Any:
        try:
            return await sound(self, request)
        except GatewayTimeoutError:
            return Declined(reason="timeout")

    StripeGateway.charge = charge  # type: ignore[method-assign]


def trusts_keys_for_ever() -> None:
    """Whoever comes back to a charge after days repeats it under its key, which the gateway has forgotten."""
    from hedgerow_billing.application.tasks.charge_payment import ChargePaymentHandler

    async def charge(self: ChargePaymentHandler, _task: Any, request: Any) -> Any:
        return await self._gateway.charge(request)

    ChargePaymentHandler._charge = charge  # type: ignore[method-assign]


MONEY_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant for mutant in (charges_under_fresh_keys, takes_silence_for_a_no, trusts_keys_for_ever)
}
