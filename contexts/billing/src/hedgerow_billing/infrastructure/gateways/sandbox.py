"""A gateway without network and without money, for development and tests.

What it answers depends on key and amount alone, so that every process gives the same answer, also after a
restart. Any amount succeeds except these, in minor units of any currency:

    66602   declined, `card_declined`
    66608   the charge times out; asked later (`find`), it has succeeded
    66600   never available: retries, then a dead delivery
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from datetime import timedelta

from hedgerow_billing.application.gateway import (
    ChargeDeclined,
    ChargeRequest,
    ChargeResult,
    ChargeSucceeded,
    GatewayTimeoutError,
    GatewayUnavailableError,
)

DECLINED = 66602
TIMES_OUT = 66608
UNAVAILABLE = 66600

_REMEMBERED = 10_000
"""Charges that `find` knows of; a forgotten one is charged again, with the same answer."""


class SandboxGateway:
    """The port `PaymentGateway`."""

    def __init__(self, latency: timedelta) -> None:
        self._latency_s = latency.total_seconds()
        self._results: OrderedDict[str, ChargeResult] = OrderedDict()

    async def charge(self, request: ChargeRequest) -> ChargeResult:
        """Answer as the amount says, after the configured latency."""
        await asyncio.sleep(self._latency_s)
        amount = request.amount.amount
        if amount == UNAVAILABLE:
            raise GatewayUnavailableError(f"the sandbox gateway is never available for an amount of {UNAVAILABLE}")
        result = _result_of(request)
        self._remember(request.idempotency_key, result)
        if amount == TIMES_OUT:
            raise GatewayTimeoutError(f"the sandbox gateway never answers a charge of {TIMES_OUT} in time")
        return result

    async def find(self, idempotency_key: str) -> ChargeResult | None:
        """What this process was asked to charge under the key.

        Another process does not know it. It charges again, which is safe, and from then on it knows too.
        """
        await asyncio.sleep(self._latency_s)
        return self._results.get(idempotency_key)

    def _remember(self, key: str, result: ChargeResult) -> None:
        self._results[key] = result
        while len(self._results) > _REMEMBERED:
            self._results.popitem(last=False)


def _result_of(request: ChargeRequest) -> ChargeResult:
    if request.amount.amount == DECLINED:
        return ChargeDeclined(reason="card_declined")
    digest = hashlib.sha256(request.idempotency_key.encode()).hexdigest()
    return ChargeSucceeded(reference=f"sandbox_{digest[:24]}")
