"""Billing as its users meet it over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.scenarios.test_errors import problem
from tests.story import Shopper, create_invoice, expect, until_paid


def opened(shopper: Shopper, unit_price: int = 1250) -> str:
    id: str = create_invoice(shopper, unit_price)["id"]
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    return id


def test_a_new_invoice_is_a_draft_with_everything_on_it(shopper: Shopper) -> None:
    invoice = create_invoice(shopper)

    assert invoice["status"] == "draft"
    assert invoice["version"] == 1
    assert invoice["created_at"].endswith("Z")
    assert invoice["payments"] == []
    assert [(line["quantity"], line["unit_price"], line["amount"]) for line in invoice["lines"]] == [
        (2, 1250, 2500),
        (1, 990, 990),
    ]


def test_a_foreign_invoice_is_not_there(shopper: Shopper, another_shopper: Shopper) -> None:
    id = opened(shopper)

    for verb in ("open", "void", "request-payment"):
        problem(another_shopper.post(f"/v1/billing/invoices/{id}/{verb}"), 404, "billing.invoice_not_found")
    problem(another_shopper.get(f"/v1/billing/invoices/{id}"), 404, "billing.invoice_not_found")
    assert expect(another_shopper.get("/v1/billing/invoices"), 200)["items"] == []


def test_a_stranger_is_told_nothing(client: httpx.Client) -> None:
    problem(client.post("/v1/billing/invoices", content=b"{"), 401, "not_authenticated")
    problem(client.get("/v1/billing/invoices"), 401, "not_authenticated")


def test_a_paid_invoice_cannot_be_paid_voided_or_opened_again(shopper: Shopper) -> None:
    id = opened(shopper)
    expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
    until_paid(shopper, id)

    for verb in ("request-payment", "void", "open"):
        problem(shopper.post(f"/v1/billing/invoices/{id}/{verb}"), 409, "billing.invoice_already_paid")


def test_of_parallel_payment_requests_one_is_accepted(shopper: Shopper) -> None:
    id = opened(shopper)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _n: shopper.post(f"/v1/billing/invoices/{id}/request-payment"), range(8)))

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert len(until_paid(shopper, id)["payments"]) == 1


def test_a_draft_must_be_opened_before_it_is_paid_and_opens_once(shopper: Shopper) -> None:
    id = create_invoice(shopper)["id"]

    problem(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 409, "billing.invoice_not_open")
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    problem(shopper.post(f"/v1/billing/invoices/{id}/open"), 409, "billing.invoice_not_draft")


@pytest.mark.parametrize("first", [[], ["open"]])
def test_a_draft_or_open_invoice_can_be_voided_and_is_then_final(shopper: Shopper, first: list[str]) -> None:
    id = create_invoice(shopper)["id"]
    for verb in first:
        expect(shopper.post(f"/v1/billing/invoices/{id}/{verb}"), 200)

    voided = expect(shopper.post(f"/v1/billing/invoices/{id}/void"), 200)

    assert voided["status"] == "void"
    for verb in ("request-payment", "void", "open"):
        problem(shopper.post(f"/v1/billing/invoices/{id}/{verb}"), 409, "billing.invoice_void")


LINE = {"description": "Hedge", "quantity": 1, "unit_price": 100}


@pytest.mark.parametrize(
    "body",
    [
        {"currency": "EUR", "lines": []},
        {"currency": "EUR", "lines": [LINE] * 101},
        {"currency": "XYZ", "lines": [LINE]},
        {"currency": "eur", "lines": [LINE]},
        {"currency": "EUR", "lines": [LINE | {"quantity": 0}]},
        {"currency": "EUR", "lines": [LINE | {"quantity": -1}]},
        {"currency": "EUR", "lines": [LINE | {"quantity": 1.5}]},
        {"currency": "EUR", "lines": [LINE | {"quantity": True}]},
        {"currency": "EUR", "lines": [LINE | {"unit_price": 12.5}]},
        {"currency": "EUR", "lines": [LINE | {"unit_price": "100"}]},
        {"currency": "EUR", "lines": [LINE | {"unit_price": -1}]},
        {"currency": "EUR", "lines": [LINE | {"unit_price": 10**18}]},
        {"currency": "EUR", "lines": [LINE | {"quantity": 10**6, "unit_price": 10**12}]},
        {"currency": "EUR", "lines": [LINE | {"description": ""}]},
        {"currency": "EUR", "lines": [LINE | {"description": "x" * 501}]},
        {"currency": "EUR", "lines": [LINE | {"description": "nul \x00"}]},
        {"currency": "EUR", "lines": [LINE | {"discount": 5}]},
        {"currency": "EUR"},
        {"lines": [LINE]},
    ],
)
def test_what_is_no_invoice_is_a_422(shopper: Shopper, body: dict[str, Any]) -> None:
    refused = shopper.post("/v1/billing/invoices", json=body)

    assert refused.status_code == 422, refused.text
    assert refused.json()["code"]


def test_the_list_pages_through_every_invoice_once_also_while_new_ones_arrive(shopper: Shopper) -> None:
    made = [create_invoice(shopper, unit_price=100 * n)["id"] for n in range(1, 6)]

    first = expect(shopper.get("/v1/billing/invoices", params={"limit": 2}), 200)
    create_invoice(shopper)
    second = expect(shopper.get("/v1/billing/invoices", params={"limit": 2, "cursor": first["next"]}), 200)
    third = expect(shopper.get("/v1/billing/invoices", params={"limit": 2, "cursor": second["next"]}), 200)

    seen = [invoice["id"] for page in (first, second, third) for invoice in page["items"]]
    assert seen == made[::-1]
    assert third["next"] is None


def test_the_list_filters_by_status_and_sorts_by_total(shopper: Shopper) -> None:
    for price in (300, 100, 200):
        create_invoice(shopper, unit_price=price)
    opened(shopper, unit_price=50)

    drafts = expect(shopper.get("/v1/billing/invoices", params={"status": "draft", "sort": "total"}), 200)

    assert [invoice["total"]["amount"] for invoice in drafts["items"]] == [1190, 1390, 1590]
    assert {invoice["status"] for invoice in drafts["items"]} == {"draft"}


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"sort": "colour"}, {"status": "lost"}, {"cursor": "nonsense"}]
)
def test_a_list_that_cannot_be_is_a_422_that_names_the_parameter(shopper: Shopper, query: dict[str, Any]) -> None:
    refused = shopper.get("/v1/billing/invoices", params=query)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == list(query)
