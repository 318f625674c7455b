"""A gateway without network and without money, for development and tests.

What it answers depends on key and amount alone, so that every process gives the same answer, also after a
restart. Any amount succeeds except these, in minor units of any currency:

    66602   declined, `card_declined`
    66608   the charge times out; asked later (`find_charge`), it has succeeded
    66609   a refund of it times out; asked later (`find_refund`), it has succeeded
    66600   never available: tried again for about a day, then a dead delivery

It sends no notices: those that come twice, late or before the answer are played by the lying gateway of the tests.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from datetime import timedelta

from hedgerow_billing.application.gateway import (
    Answer,
    ChargeRequest,
    Declined,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Moved,
    RefundRequest,
)

DECLINED = 66602
TIMES_OUT = 66608
REFUND_TIMES_OUT = 66609
UNAVAILABLE = 66600

_REMEMBERED = 10_000
"""Charges and refunds that can be found; a forgotten one is asked for again, with the same answer."""


class SandboxGateway:
    """The port `PaymentGateway`."""

    def __init__(self, latency: timedelta) -> None:
        self._latency_s = latency.total_seconds()
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    async def charge(self, request: ChargeRequest) -> Answer:
        """Answer as the amount says, after the configured latency."""
        return await self._answer(request, times_out_at=TIMES_OUT)

    async def find_charge(self, request: ChargeRequest) -> Answer | None:
        """What this process was asked to charge under the key.

        Another process does not know it. It charges again, which is safe, and from then on it knows too.
        """
        return await self._find(request)

    async def refund(self, request: RefundRequest) -> Answer:
        """Answer as the amount says, after the configured latency."""
        return await self._answer(request, times_out_at=REFUND_TIMES_OUT)

    async def find_refund(self, request: RefundRequest) -> Answer | None:
        """What this process was asked to give back under the key."""
        return await self._find(request)

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _answer(self, request: ChargeRequest | RefundRequest, *, times_out_at: int) -> Answer:
        await asyncio.sleep(self._latency_s)
        amount = request.amount.amount
        if amount == UNAVAILABLE:
            raise GatewayUnavailableError(f"the sandbox gateway is never available for an amount of {UNAVAILABLE}")
        self._answers[request.idempotency_key] = answer = _answer_to(request)
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        if amount == times_out_at:
            raise GatewayTimeoutError(f"the sandbox gateway never answers in time for an amount of {amount}")
        return answer

    async def _find(self, request: ChargeRequest | RefundRequest) -> Answer | None:
        await asyncio.sleep(self._latency_s)
        return self._answers.get(request.idempotency_key)


def _answer_to(request: ChargeRequest | RefundRequest) -> Answer:
    if request.amount.amount == DECLINED:
        return Declined(reason="card_declined")
    digest = hashlib.sha256(request.idempotency_key.encode()).hexdigest()
    return Moved(reference=f"sandbox_{digest[:24]}")
