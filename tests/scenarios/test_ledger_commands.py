"""What an operator does at night: find what is stuck, see why, mend it, try it again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import Production, migrated_production
from tests.processes import run
from tests.story import create_invoice, expect, sign_up, until_paid

UNAVAILABLE = 66600
"""The sandbox gateway never takes this amount."""


@pytest.fixture
def production(postgres_server: DatabaseAddress, redis_url: str, tmp_path: Path) -> Iterator[Production]:
    with migrated_production(postgres_server, redis_url, tmp_path) as production:
        yield production


def command(production: Production, *arguments: str) -> str:
    done = run(*arguments, folder=production.folder, environment=production.environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(production: Production, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command(production, *arguments, "--json"))
    return found


def waiting_charge(production: Production) -> dict[str, Any]:
    """The charge, once its first attempt has failed."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for row in rows(production, "deliveries", "list", "--subscription", "billing.charge_payment"):
            if row["state"] == "retry_wait":
                return row
    raise AssertionError("the charge never failed")


def test_a_stuck_payment_is_found_explained_discarded_and_leaves_a_trail(production: Production) -> None:
    with production.worker(), production.api() as (_api, client):
        shopper = sign_up(client)
        id = create_invoice(shopper, unit_price=(UNAVAILABLE - 990) // 2)["id"]
        expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
        expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
        stuck = waiting_charge(production)

    assert "GatewayUnavailableError" in stuck["errors"][0]["type"]
    assert "retry_wait" in command(production, "deliveries", "list", "--error", "never available")
    shown = json.loads(command(production, "deliveries", "show", stuck["event_id"]))
    assert shown[0]["payload"]["invoice_id"] == id
    decided = command(
        production, "deliveries", "discard", stuck["event_id"], "--why", "the amount is wrong", "--yes"
    )
    assert decided == "discard: 1 changed\n"
    (discarded,) = rows(production, "deliveries", "list", "--state", "discarded")
    assert discarded["reason"].endswith("the amount is wrong")
    again = command(production, "deliveries", "retry", "--state", "discarded", "--why", "it was right", "--yes")
    assert again == "retry: 1 changed\n"


def test_the_events_of_a_story_are_listed_with_what_became_of_them(production: Production) -> None:
    with production.worker(), production.api() as (_api, client):
        shopper = sign_up(client)
        id = create_invoice(shopper)["id"]
        expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
        expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
        until_paid(shopper, id)

    told = [event["type"] for event in rows(production, "events", "list", "--aggregate", id)]
    assert told == [
        "billing.invoice_paid",
        "billing.payment_requested",
        "billing.invoice_opened",
        "billing.invoice_created",
    ]
    (registered,) = rows(production, "events", "list", "--type", "users.user_registered")
    journey = json.loads(command(production, "events", "show", registered["event_id"]))
    assert [(d["subscription"], d["state"]) for d in journey["deliveries"]] == [
        ("billing.copy_registered_user", "completed")
    ]
    traced = rows(production, "events", "list", "--trace", registered["correlation_id"])
    assert [event["event_id"] for event in traced] == [registered["event_id"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("deliveries", "retry", "--why", "x", "--yes"), 2, "say which"),
        (("deliveries", "retry", "--state", "dead"), 2, "--why"),
        (("deliveries", "list", "--state", "lost"), 2, "retry_wait"),
        (("deliveries", "list", "--context", "garden"), 2, "garden is not hosted here"),
        (("deliveries", "show", "00000000-0000-7000-8000-000000000000"), 1, "there is no delivery"),
        (("events", "show", "00000000-0000-7000-8000-000000000000"), 1, "there is no event"),
        (("deliveries", "discard", "--state", "dead", "--why", "x"), 1, "found: none"),
        (("deliveries", "discard", "--state", "completed", "--why", " ", "--yes"), 2, "say why"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    shared_production: Production, client: httpx.Client, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert client.get("/livez").status_code == httpx.codes.OK

    refused = run(*arguments, folder=shared_production.folder, environment=shared_production.environment)

    assert refused.returncode == code, refused.stderr
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
