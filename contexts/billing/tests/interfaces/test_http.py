"""The rules of the routes: paths, statuses, bodies. Mounted by hand, without a host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest
from sqlalchemy import Row

from contexts.billing.tests.interfaces.conftest import DRAFT
from hedgerow_billing import plugin
from hedgerow_billing.container import BillingContainer
from hedgerow_core.application import Bus
from hedgerow_core.http import PipelineRoute, access_of, unlike_its_model


def eur(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}


async def test_a_draft_is_created_and_found_where_its_location_says(http: httpx.AsyncClient) -> None:
    created = await http.post("/invoices", json=DRAFT)
    assert created.status_code == 201
    invoice = created.json()
    assert created.headers["location"] == f"/v1/billing/invoices/{invoice['id']}"
    assert invoice == {
        "id": invoice["id"],
        "customer_id": invoice["customer_id"],
        "status": "draft",
        "total": {"amount": 3998, "currency": "EUR"},
        "currency": "EUR",
        "lines": [{"description": "Hedge", "quantity": 2, "unit_price": 1999, "tax_rate": "0", "amount": 3998}],
        "taxes": [{"rate": "0", "net": 3998, "amount": 0}],
        "payments": [],
        "refunds": [],
        "credit_notes": [],
        "number": None,
        "net": eur(3998),
        "tax": eur(0),
        "due": eur(3998),
        "credited": eur(0),
        "refunded": eur(0),
        "refundable": eur(0),
        "automatic": False,
        "due_days": 14,
        "due_on": None,
        "collect_at": None,
        "version": 1,
        "created_at": "2026-01-15T12:00:00Z",
        "opened_at": None,
        "paid_at": None,
        "voided_at": None,
        "uncollectible_at": None,
        "overdue_at": None,
    }
    read = await http.get(f"/invoices/{invoice['id']}")
    assert (read.status_code, read.json()) == (200, invoice)


async def test_a_payment_is_accepted_once(http: httpx.AsyncClient) -> None:
    id = (await http.post("/invoices", json=DRAFT)).json()["id"]
    early = await http.post(f"/invoices/{id}/request-payment")
    assert (early.status_code, early.json()["code"]) == (409, "billing.invoice_not_open")
    assert (await http.post(f"/invoices/{id}/open")).json()["status"] == "open"
    again = await http.post(f"/invoices/{id}/open")
    assert (again.status_code, again.json()["code"]) == (409, "billing.invoice_not_draft")

    accepted = await http.post(f"/invoices/{id}/request-payment")
    assert accepted.status_code == 202
    (payment,) = accepted.json()["payments"]
    assert payment == {
        "id": payment["id"],
        "status": "pending",
        "amount": {"amount": 3998, "currency": "EUR"},
        "automatic": False,
        "requested_at": "2026-01-15T12:00:00Z",
        "settled_at": None,
        "failure": None,
    }
    for path in ("request-payment", "void"):
        refused = await http.post(f"/invoices/{id}/{path}")
        assert (refused.status_code, refused.json()["code"]) == (409, "billing.payment_in_progress")


async def test_an_invoice_can_be_voided_once(http: httpx.AsyncClient) -> None:
    id = (await http.post("/invoices", json=DRAFT)).json()["id"]
    void = await http.post(f"/invoices/{id}/void")
    assert (void.status_code, void.json()["status"]) == (200, "void")
    again = await http.post(f"/invoices/{id}/void")
    assert (again.status_code, again.json()["code"]) == (409, "billing.invoice_void")


async def test_the_list_has_pages_and_filters(http: httpx.AsyncClient) -> None:
    ids = [(await http.post("/invoices", json=DRAFT)).json()["id"] for _ in range(3)]
    await http.post(f"/invoices/{ids[0]}/void")
    first = (await http.get("/invoices", params={"limit": 2})).json()
    second = (await http.get("/invoices", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None
    void = (await http.get("/invoices", params={"status": "void"})).json()
    assert [item["id"] for item in void["items"]] == ids[:1]


async def invoice_of(http: httpx.AsyncClient, currency: str, unit_price: int) -> str:
    lines = [{"description": "Hedge", "quantity": 1, "unit_price": unit_price}]
    id: str = (await http.post("/invoices", json={"currency": currency, "lines": lines})).json()["id"]
    return id


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("total__gte=200", [1, 2, 3]),
        ("total__gt=100&total__lt=300", [1]),
        ("currency__in=JPY&currency__in=USD", [2, 3]),
        ("currency__ilike=e", [0, 1]),
        ("status__ne=draft", [0]),
        ("opened_at__is_null=true&sort=total", [1, 2, 3]),
        ("sort=-total,created_at", [2, 3, 1, 0]),
        ("created_at__lt=2026-01-15T12:00:00Z", []),
        ("sort=currency", None),
        ("total__gt=much", None),
        ("number=INV-000001", [0]),
        ("number=INV-000002", []),
        ("number=CN-000001", []),
        ("number=INV-1", None),
        ("number__like=INV", None),
        ("series=INV", None),
        ("customer_id=x", None),
        ("lines__like=Hedge", None),
    ],
)
async def test_the_list_is_filtered_and_sorted_by_the_fields_that_it_names(
    query: str, found: list[int] | None, http: httpx.AsyncClient
) -> None:
    wanted = [("EUR", 100), ("EUR", 200), ("JPY", 300), ("USD", 300)]
    ids = [await invoice_of(http, currency, price) for currency, price in wanted]
    await http.post(f"/invoices/{ids[0]}/open")

    answer = await http.get(f"/invoices?{query}")

    if found is None:
        assert answer.status_code == 422
        return
    positions = [ids.index(item["id"]) for item in answer.json()["items"]]
    assert positions == found if "sort" in query else sorted(positions) == found


def test_every_route_needs_a_permission_that_the_manifest_declares(container: BillingContainer, bus: Bus) -> None:
    declared = {permission.name for permission in plugin.manifest().permissions}
    for router in plugin.routes(container, bus):
        for route in router.routes:
            assert isinstance(route, PipelineRoute)
            access = access_of(route.endpoint)
            assert access is not None
            assert access.permission in declared


def test_what_is_written_as_it_is_looks_as_the_document_says(container: BillingContainer, bus: Bus) -> None:
    routes = [route for router in plugin.routes(container, bus) for route in router.routes]
    found = {route.name: unlike_its_model(route) for route in routes if isinstance(route, PipelineRoute)}
    assert not any(found.values()), {name: why for name, why in found.items() if why}


async def test_every_invoice_carries_its_version_as_a_tag(http: httpx.AsyncClient) -> None:
    created = await http.post("/invoices", json=DRAFT)
    path = f"/invoices/{created.json()['id']}"
    answers = [created, await http.get(path), await http.post(f"{path}/open")]
    answers += [await http.post(f"{path}/request-payment"), await http.get(path)]

    assert [answer.headers["etag"] for answer in answers] == ['"1"', '"1"', '"2"', '"3"', '"3"']
    assert all(answer.headers["etag"] == f'"{answer.json()["version"]}"' for answer in answers)
    assert (await http.get(path, headers={"If-None-Match": '"3"'})).status_code == 304
    assert (await http.get(path, headers={"If-None-Match": '"2"'})).status_code == 200


@pytest.mark.parametrize("action", ["open", "void", "request-payment"])
async def test_a_change_of_a_version_that_is_gone_is_refused_and_changes_nothing(
    action: str, http: httpx.AsyncClient
) -> None:
    path = f"/invoices/{(await http.post('/invoices', json=DRAFT)).json()['id']}"
    before = (
        (await http.post(f"{path}/open")).json() if action == "request-payment" else (await http.get(path)).json()
    )

    refused = await http.post(f"{path}/{action}", headers={"If-Match": '"7"'})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert refused.json()["details"] == {"version": before["version"]}
    assert (await http.get(path)).json() == before

    done = await http.post(f"{path}/{action}", headers={"If-Match": f'"{before["version"]}"'})
    assert done.is_success, "the twin: from the version that it has, it goes on"


async def test_of_changes_from_one_version_at_the_same_moment_one_happens(http: httpx.AsyncClient) -> None:
    path = f"/invoices/{(await http.post('/invoices', json=DRAFT)).json()['id']}"
    actions = ["open", "void"] * 4

    answers = await asyncio.gather(
        *(http.post(f"{path}/{action}", headers={"If-Match": '"1"'}) for action in actions)
    )

    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert {answer.status_code for answer in answers if answer.status_code != 200} <= {409, 412}
    assert sum(answer.is_success for answer in answers) == 1
    assert (await http.get(path)).json()["version"] == 2


async def test_a_payment_method_reaches_the_gateway(
    http: httpx.AsyncClient, rows: Callable[[str], Awaitable[Sequence[Row[Any]]]]
) -> None:
    id = (await http.post("/invoices", json={**DRAFT, "payment_method": "pm_usual"})).json()["id"]
    await http.post(f"/invoices/{id}/open")
    await http.post(f"/invoices/{id}/request-payment", json={"payment_method": "pm_other"})

    assert [row.method for row in await rows("SELECT method FROM payments")] == ["pm_other"]
