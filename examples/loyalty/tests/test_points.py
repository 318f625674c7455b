"""Points come with payments and go with refunds."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from hedgerow_host.testing import Person, Scenario


def paid(invoice: UUID, by: Person, amount: int) -> dict[str, Any]:
    return {
        "invoice_id": invoice,
        "customer_id": by.id,
        "payment_id": uuid4(),
        "total_amount": amount,
        "currency": "EUR",
        "paid_at": "2026-01-15T12:00:00Z",
    }


def refunded(invoice: UUID, to: Person, amount: int) -> dict[str, Any]:
    return {
        "invoice_id": invoice,
        "customer_id": to.id,
        "refund_id": uuid4(),
        "amount": amount,
        "currency": "EUR",
        "refunded_at": "2026-01-16T12:00:00Z",
    }


async def points_of(person: Person) -> int:
    answer = await person.get("/v1/loyalty/points")
    assert answer.status_code == 200, answer.text
    return int(answer.json()["points"])


async def test_a_paid_invoice_earns_a_point_for_each_full_euro(scenario: Scenario, ann: Person) -> None:
    await scenario.happens("billing.invoice_paid", **paid(uuid4(), ann, 2999))

    (earned,) = scenario.published("loyalty.points_earned")
    assert (earned.payload["customer_id"], earned.payload["points"]) == (str(ann.id), 29)
    assert await points_of(ann) == 29
    assert await points_of(scenario.host.someone()) == 0


async def test_a_refund_takes_points_back(scenario: Scenario, ann: Person) -> None:
    invoice = uuid4()
    await scenario.happens("billing.invoice_paid", **paid(invoice, ann, 3000))
    await scenario.happens("billing.invoice_refunded", **refunded(invoice, ann, 950))

    (taken,) = scenario.published("loyalty.points_taken_back")
    assert taken.payload["points"] == 10
    assert await points_of(ann) == 20


async def test_it_does_not_matter_what_is_heard_first(scenario: Scenario, ann: Person) -> None:
    invoice = uuid4()
    await scenario.happens("billing.invoice_refunded", **refunded(invoice, ann, 1000))
    await scenario.happens("billing.invoice_paid", **paid(invoice, ann, 3000))

    assert await points_of(ann) == 20
    assert scenario.published("loyalty.points_taken_back") == []


async def test_who_has_not_logged_in_sees_no_points(scenario: Scenario) -> None:
    answer = await scenario.host.anonymous.get("/v1/loyalty/points")

    assert answer.status_code == 401
