"""What an accountant asks of a running host: documents, an export, a statement, and whether the books are right."""

from __future__ import annotations

import csv
import io
import json

import httpx
import pytest

from tests.conftest import Production
from tests.processes import run
from tests.scenarios.test_errors import problem
from tests.story import Shopper, create_invoice, expect, until_paid


@pytest.fixture
def paid(shopper: Shopper) -> dict[str, object]:
    """An invoice that the shopper has paid."""
    path = f"/v1/billing/invoices/{create_invoice(shopper)['id']}"
    opened = expect(shopper.post(f"{path}/open"), 200)
    expect(shopper.post(f"{path}/request-payment"), 202)
    return until_paid(shopper, opened["id"])


def test_a_paid_invoice_is_in_documents_exports_statements_and_right_books(
    shared_production: Production, shopper: Shopper, paid: dict[str, object]
) -> None:
    page = shopper.get(f"/v1/billing/invoices/{paid['id']}/document")
    table = shopper.get("/v1/billing/invoices.csv")
    statement = expect(shopper.get("/v1/billing/statement", params={"currency": paid["currency"]}), 200)
    balance = expect(shopper.get("/v1/billing/balance"), 200)
    host = shared_production.hosting("billing")
    verified = run("billing", "ledger", "verify", "--json", folder=host.folder, environment=host.environment)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"Invoice {paid['number']}" in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == table.headers["cache-control"] == "no-store"
    assert table.headers["transfer-encoding"] == "chunked"
    (row,) = csv.DictReader(io.StringIO(table.text, newline=""))
    assert (row["number"], row["status"], row["due"]) == (paid["number"], "paid", "0.00")
    assert [line["kind"] for line in statement["items"]] == ["opened", "paid"]
    assert [each["amount"] for each in balance["balances"]] == [0]
    assert verified.returncode == 0, verified.stdout + verified.stderr
    report = json.loads(verified.stdout)
    assert (report["found"], report["findings"]) == (0, [])
    assert report["invoices"] >= 1


def test_strangers_see_none_of_it(shopper: Shopper, another_shopper: Shopper, paid: dict[str, object]) -> None:
    foreign = another_shopper.get(f"/v1/billing/invoices/{paid['id']}/document")
    problem(foreign, 404, "billing.invoice_not_found")
    assert another_shopper.get("/v1/billing/invoices.csv").text.count("\r\n") == 1
    customer = paid["customer_id"]
    refused = another_shopper.get(f"/v1/billing/customers/{customer}/statement", params={"currency": "EUR"})
    problem(refused, 403, "not_permitted")


def test_nobody_gets_anything_without_saying_who_they_are(client: httpx.Client) -> None:
    for path in ("invoices.csv", "statement?currency=EUR", "balance"):
        problem(client.get(f"/v1/billing/{path}"), 401, "not_authenticated")
