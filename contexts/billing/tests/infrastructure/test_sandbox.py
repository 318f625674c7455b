"""The rules of the sandbox gateway."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hedgerow_billing.application.gateway import (
    ChargeRequest,
    Declined,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Moved,
)
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.money import Money
from hedgerow_billing.infrastructure.gateways.sandbox import DECLINED, TIMES_OUT, UNAVAILABLE, SandboxGateway

AT_ONCE = timedelta(0)


def a_request(amount: int, *, key: str = "key") -> ChargeRequest:
    return ChargeRequest(idempotency_key=key, amount=Money(amount, Currency("EUR")))


async def test_the_same_key_has_the_same_answer_in_every_process() -> None:
    here = await SandboxGateway(AT_ONCE).charge(a_request(1999))
    there = await SandboxGateway(AT_ONCE).charge(a_request(1999))
    assert here == there
    assert isinstance(here, Moved)


async def test_two_keys_are_two_charges() -> None:
    gateway = SandboxGateway(AT_ONCE)
    assert await gateway.charge(a_request(1, key="a")) != await gateway.charge(a_request(1, key="b"))


async def test_one_amount_is_declined() -> None:
    assert await SandboxGateway(AT_ONCE).charge(a_request(DECLINED)) == Declined(reason="card_declined")


async def test_one_amount_times_out_and_is_found_to_have_succeeded() -> None:
    gateway = SandboxGateway(AT_ONCE)
    with pytest.raises(GatewayTimeoutError):
        await gateway.charge(a_request(TIMES_OUT))
    assert isinstance(await gateway.find_charge(a_request(1999)), Moved)


async def test_one_amount_is_never_available_and_never_found() -> None:
    gateway = SandboxGateway(AT_ONCE)
    for _ in range(3):
        with pytest.raises(GatewayUnavailableError):
            await gateway.charge(a_request(UNAVAILABLE))
    assert await gateway.find_charge(a_request(1999)) is None


async def test_a_charge_never_made_is_not_found() -> None:
    assert await SandboxGateway(AT_ONCE).find_charge(a_request(1999)) is None


async def test_after_a_restart_a_lost_charge_is_found_once_it_was_made_again() -> None:
    before, after = SandboxGateway(AT_ONCE), SandboxGateway(AT_ONCE)
    with pytest.raises(GatewayTimeoutError):
        await before.charge(a_request(TIMES_OUT))
    assert await after.find_charge(a_request(TIMES_OUT)) is None
    with pytest.raises(GatewayTimeoutError):
        await after.charge(a_request(TIMES_OUT))
    assert await after.find_charge(a_request(TIMES_OUT)) == await before.find_charge(a_request(TIMES_OUT))
