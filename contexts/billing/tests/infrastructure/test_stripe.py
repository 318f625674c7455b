"""What Stripe's answers mean, and its silence: over real HTTP, against a server that misbehaves on purpose.

`localstripe` (1.15) is not used: it refuses `automatic_payment_methods`, and has neither searches nor keys.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from hedgerow_billing.application.gateway import (
    Answer,
    ChargeRequest,
    Declined,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Moved,
    RefundRequest,
)
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.money import Money
from hedgerow_billing.infrastructure.gateways.stripe import StripeGateway
from hedgerow_core.testing.servers import free_port
from tests.faults.laboratory.lying_gateway import API_KEY, METHOD, LyingGateway

SILENCE_S = 4.0
"""Twice what we wait for an answer, which a busy machine may need."""


@pytest.fixture
def server() -> Iterator[LyingGateway]:
    with LyingGateway(silence_s=SILENCE_S) as server:
        yield server


@pytest.fixture
async def gateway(server: LyingGateway) -> AsyncIterator[StripeGateway]:
    gateway = adapter(server.url)
    yield gateway
    await gateway.close()


def adapter(url: str, *, key: str = API_KEY, method: str | None = METHOD) -> StripeGateway:
    return StripeGateway(api_key=key, api_base=url, timeout=timedelta(seconds=SILENCE_S / 2), method=method)


def a_charge(amount: int = 1999, currency: str = "EUR", *, key: str = "hedgerow-payment-1") -> ChargeRequest:
    return ChargeRequest(idempotency_key=key, amount=Money(amount, Currency(currency)))


def a_refund(charge: str, amount: int, *, key: str = "hedgerow-refund-1") -> RefundRequest:
    return RefundRequest(idempotency_key=key, charge=charge, amount=Money(amount, Currency("EUR")))


async def charged(gateway: StripeGateway) -> str:
    answer = await gateway.charge(a_charge())
    assert isinstance(answer, Moved)
    return answer.reference


# Charging


async def test_a_charge_is_asked_for_in_minor_units_once_and_without_anybody_there(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    answer = await gateway.charge(a_charge())

    (entry,) = server.books.charges()
    assert answer == Moved(reference=entry.reference)
    assert (entry.key, entry.amount, entry.currency) == ("hedgerow-payment-1", 1999, "eur")
    ((_method, _path, asked),) = server.asked
    assert (asked["confirm"], asked["off_session"], asked["payment_method"]) == ("true", "true", METHOD)


async def test_the_same_key_takes_the_money_once_and_another_key_again(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    first, again = await gateway.charge(a_charge()), await gateway.charge(a_charge())
    other = await gateway.charge(a_charge(key="hedgerow-payment-2"))
    assert first == again != other
    assert [entry.key for entry in server.books.charges()] == ["hedgerow-payment-1", "hedgerow-payment-2"]


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (500, "JPY", 500),
        (500, "ISK", 50_000),
        (500, "UGX", 50_000),
        (500, "MGA", 5),
        (5120, "KWD", 5120),
        (1999, "HUF", 1999),
    ],
)
async def test_amounts_are_told_as_stripe_counts_them(
    gateway: StripeGateway, server: LyingGateway, amount: int, currency: str, told: int
) -> None:
    await gateway.charge(a_charge(amount, currency))
    assert [(entry.amount, entry.currency) for entry in server.books.charges()] == [(told, currency.lower())]


@pytest.mark.parametrize(("amount", "currency"), [(5124, "KWD"), (150, "MGA")])
async def test_an_amount_that_stripe_cannot_say_is_not_rounded_but_declined(
    gateway: StripeGateway, server: LyingGateway, amount: int, currency: str
) -> None:
    assert await gateway.charge(a_charge(amount, currency)) == Declined(reason="amount_not_chargeable")
    assert server.asked == []


async def test_a_method_may_belong_to_a_customer(server: LyingGateway, gateway: StripeGateway) -> None:
    request = ChargeRequest(
        idempotency_key="k", amount=Money(1, Currency("EUR")), method="cus_ann/pm_card_mastercard"
    )
    await gateway.charge(request)
    ((_method, _path, asked),) = server.asked
    assert (asked["customer"], asked["payment_method"]) == ("cus_ann", "pm_card_mastercard")


async def test_without_a_method_nothing_is_asked_and_the_fix_is_named(server: LyingGateway) -> None:
    gateway = adapter(server.url, method=None)
    with pytest.raises(GatewayUnavailableError, match="BILLING_STRIPE_PAYMENT_METHOD"):
        await gateway.charge(a_charge())
    assert server.asked == []
    await gateway.close()


# What answers mean


@pytest.mark.parametrize(
    ("behaviour", "outcome", "taken"),
    [
        ("declines:insufficient_funds", Declined(reason="insufficient_funds"), 0),
        ("declines:stolen_card", Declined(reason="generic_decline"), 0),
        ("becomes:canceled", Declined(reason="canceled"), 0),
        ("becomes:requires_action", Declined(reason="authentication_required"), 0),
        ("becomes:requires_capture", Declined(reason="requires_capture"), 0),
        ("becomes:processing", GatewayTimeoutError, 0),
        ("silent_after", GatewayTimeoutError, 1),
        ("silent_before", GatewayTimeoutError, 0),
        ("hangs_up", GatewayTimeoutError, 1),
        ("garbage", GatewayTimeoutError, 1),
        ("fails_after", GatewayTimeoutError, 1),
        ("fails_before", GatewayTimeoutError, 0),
        ("says:502", GatewayTimeoutError, 0),
        ("says:503", GatewayTimeoutError, 0),
        ("says:409", GatewayTimeoutError, 0),
        ("says:429", GatewayUnavailableError, 0),
        ("says:401", GatewayUnavailableError, 0),
        ("says:403", GatewayUnavailableError, 0),
    ],
)
async def test_what_is_not_said_is_not_guessed(
    gateway: StripeGateway,
    server: LyingGateway,
    behaviour: str,
    outcome: Answer | type[Exception],
    taken: int,
) -> None:
    server.next(behaviour)
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            await gateway.charge(a_charge())
    else:
        assert await gateway.charge(a_charge()) == outcome
    assert len(server.books.charges()) == taken


async def test_a_request_that_stripe_finds_wrong_is_declined_with_its_code(gateway: StripeGateway) -> None:
    request = ChargeRequest(idempotency_key="k", amount=Money(1, Currency("EUR")), method="pm_gone")
    assert await gateway.charge(request) == Declined(reason="resource_missing")


async def test_a_request_that_stripe_cannot_read_is_our_fault_and_no_decline(gateway: StripeGateway) -> None:
    with pytest.raises(GatewayUnavailableError, match="finds our request wrong"):
        await gateway.charge(a_charge(0))


async def test_a_key_that_meets_other_members_leaves_open_what_it_did(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    await gateway.charge(a_charge())
    with pytest.raises(GatewayTimeoutError):  # an operator has set another method in between
        await gateway.charge(
            ChargeRequest(
                idempotency_key="hedgerow-payment-1", amount=a_charge().amount, method="pm_card_mastercard"
            )
        )
    assert len(server.books.charges()) == 1


async def test_who_is_not_there_has_surely_taken_nothing() -> None:
    gateway = adapter(f"http://127.0.0.1:{free_port()}")
    for ask in (gateway.charge, gateway.find_charge):
        with pytest.raises(GatewayUnavailableError, match="not reached"):
            await ask(a_charge())
    await gateway.close()


async def test_who_takes_the_connection_and_says_nothing_may_have_taken_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        gateway = adapter(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(GatewayTimeoutError, match="did not answer"):
            await gateway.charge(a_charge())
        await gateway.close()


async def test_a_wrong_key_is_named_as_the_setting_and_never_shown(server: LyingGateway) -> None:
    gateway = adapter(server.url, key="sk_live_secret_of_somebody")
    with pytest.raises(GatewayUnavailableError, match="BILLING_STRIPE_API_KEY") as refused:
        await gateway.charge(a_charge())
    assert "secret_of_somebody" not in str(refused.value)
    assert refused.value.__cause__ is None
    await gateway.close()


async def test_the_library_repeats_nothing_by_itself(gateway: StripeGateway, server: LyingGateway) -> None:
    server.next("says:503", "says:503", "says:503")
    with pytest.raises(GatewayTimeoutError):
        await gateway.charge(a_charge())
    assert len(server.asked) == 1


async def test_what_waits_for_its_customer_is_withdrawn_so_that_no_money_moves_later(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    server.next("becomes:requires_action")
    await gateway.charge(a_charge())
    assert [intent["status"] for intent in server.books.intents()] == ["canceled"]


# Asking afterwards


@pytest.mark.parametrize("lost", ["silent_after", "hangs_up", "fails_after"])
async def test_what_was_taken_in_silence_is_found(gateway: StripeGateway, server: LyingGateway, lost: str) -> None:
    server.next(lost)
    with pytest.raises(GatewayTimeoutError):
        await gateway.charge(a_charge())
    (entry,) = server.books.charges()
    assert await gateway.find_charge(a_charge()) == Moved(reference=entry.reference)
    assert await gateway.find_charge(a_charge(key="hedgerow-payment-2")) is None


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("succeeded", Moved),
        ("requires_payment_method", Declined),
        ("canceled", Declined),
        ("requires_action", Declined),
        ("requires_confirmation", Declined),
        ("processing", None),
    ],
)
async def test_a_charge_is_found_as_it_is_now(
    gateway: StripeGateway, server: LyingGateway, status: str, outcome: type[Answer] | None
) -> None:
    server.next("becomes:processing")
    with pytest.raises(GatewayTimeoutError):
        await gateway.charge(a_charge())
    (intent,) = server.books.intents()
    server.books.become(intent["id"], status)

    if outcome is None:
        with pytest.raises(GatewayTimeoutError):
            await gateway.find_charge(a_charge())
    else:
        assert isinstance(await gateway.find_charge(a_charge()), outcome)
    assert status != "requires_action" or server.books.intent(intent["id"])["status"] == "canceled"


async def test_of_two_under_one_key_the_one_that_took_money_counts(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    server.next("declines", "honest")
    await gateway.charge(a_charge())
    server.books.forget_keys()
    taken = await gateway.charge(a_charge())
    assert await gateway.find_charge(a_charge()) == taken


async def found_or_charged(gateway: StripeGateway, *, looks: bool = True) -> Answer:
    """As the reconciler asks."""
    found = await gateway.find_charge(a_charge()) if looks else None
    return found or await gateway.charge(a_charge())


async def test_while_the_search_is_behind_the_key_keeps_the_money_from_moving_twice(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    server.books.search_lag_s = 60
    server.next("silent_after")
    with pytest.raises(GatewayTimeoutError):
        await gateway.charge(a_charge())
    assert await gateway.find_charge(a_charge()) is None
    assert isinstance(await found_or_charged(gateway), Moved)
    assert len(server.books.charges()) == 1


@pytest.mark.parametrize(("looks", "charges"), [(True, 1), (False, 2)])
async def test_once_the_key_is_forgotten_the_search_does_and_a_double_charge_would_be_seen(
    gateway: StripeGateway, server: LyingGateway, looks: bool, charges: int
) -> None:
    server.next("silent_after")
    with pytest.raises(GatewayTimeoutError):
        await gateway.charge(a_charge())
    server.books.forget_keys()
    assert isinstance(await found_or_charged(gateway, looks=looks), Moved)
    assert len(server.books.charges()) == charges


async def test_a_500_of_before_is_repeated_under_its_key_until_the_key_is_forgotten(
    gateway: StripeGateway, server: LyingGateway
) -> None:
    server.next("fails_before")
    for _ in range(3):
        with pytest.raises(GatewayTimeoutError):
            await found_or_charged(gateway)
    server.books.forget_keys()
    assert isinstance(await found_or_charged(gateway), Moved)
    assert len(server.books.charges()) == 1


# Giving back


async def test_a_refund_gives_back_a_part_once(gateway: StripeGateway, server: LyingGateway) -> None:
    charge = await charged(gateway)
    first, again = await gateway.refund(a_refund(charge, 999)), await gateway.refund(a_refund(charge, 999))
    (entry,) = server.books.refunds()
    assert first == again == Moved(reference=entry.reference)
    assert (entry.key, entry.amount) == ("hedgerow-refund-1", 999)


async def test_more_than_was_taken_is_not_given_back(gateway: StripeGateway, server: LyingGateway) -> None:
    charge = await charged(gateway)
    answer = await gateway.refund(a_refund(charge, 2000))
    assert answer == Declined(reason="charge_already_refunded")
    assert server.books.refunds() == []


@pytest.mark.parametrize("lost", ["silent_after", "hangs_up", "fails_after"])
async def test_a_refund_that_was_given_in_silence_is_found_among_others(
    gateway: StripeGateway, server: LyingGateway, lost: str
) -> None:
    charge = await charged(gateway)
    await gateway.refund(a_refund(charge, 1, key="hedgerow-refund-0"))
    server.next(lost)
    with pytest.raises(GatewayTimeoutError):
        await gateway.refund(a_refund(charge, 999))
    server.books.forget_keys()
    given = server.books.refunds()[-1]
    assert await gateway.find_refund(a_refund(charge, 999)) == Moved(reference=given.reference)
    assert await gateway.find_refund(a_refund(charge, 999, key="hedgerow-refund-2")) is None


@pytest.mark.parametrize("status", ["pending", "requires_action"])
async def test_a_refund_that_is_under_way_is_no_answer(
    gateway: StripeGateway, server: LyingGateway, status: str
) -> None:
    charge = await charged(gateway)
    server.next(f"becomes:{status}")
    with pytest.raises(GatewayTimeoutError):
        await gateway.refund(a_refund(charge, 999))
    with pytest.raises(GatewayTimeoutError):
        await gateway.find_refund(a_refund(charge, 999))


async def test_a_refund_that_failed_is_declined(gateway: StripeGateway, server: LyingGateway) -> None:
    charge = await charged(gateway)
    server.next("becomes:failed")
    assert await gateway.refund(a_refund(charge, 999)) == Declined(reason="failed")


# Being left alone


async def test_while_stripe_keeps_failing_nobody_waits_for_it() -> None:
    nowhere = adapter(f"http://127.0.0.1:{free_port()}")
    said = []
    for _ in range(6):
        with pytest.raises(GatewayUnavailableError) as refused:
            await nowhere.charge(a_charge())
        said.append(str(refused.value))
    await nowhere.close()

    assert all("was not reached" in each for each in said[:5])
    assert said[5] == "stripe has failed several times running, and is left alone for a while"


async def test_who_is_refused_again_and_again_is_answered_every_time(gateway: StripeGateway) -> None:
    for _ in range(8):
        with pytest.raises(GatewayUnavailableError, match="finds our request wrong"):
            await gateway.charge(a_charge(amount=-1))
