"""The whole story, on production parts and on the embedded default."""

import time
from pathlib import Path

import httpx

from hedgerow_core.testing.servers import free_port
from tests.processes import run, running
from tests.story import Shopper, create_invoice, expect, play, sign_up, until_paid

MAX_BANNER_LINES = 12


def test_the_story_plays_on_api_and_worker_as_separate_processes(client: httpx.Client) -> None:
    paid = play(client)

    assert [payment["status"] for payment in paid["payments"]] == ["succeeded"]


def test_the_story_plays_on_the_embedded_default_and_its_data_survives_a_restart(tmp_path: Path) -> None:
    port = str(free_port())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        with running("dev", "--port", port, folder=tmp_path, environment={}) as host:
            host.wait_for("Ctrl-C stops everything.")
            banner = host.output
            play(client)
            shopper = _shopper_with_invoice(client)
        with running("dev", "--port", port, folder=tmp_path, environment={}) as again:
            again.wait_for("Ctrl-C stops everything.")
            listed = expect(shopper.get("/v1/billing/invoices"), 200)

    assert len(banner.splitlines()) <= MAX_BANNER_LINES
    assert [invoice["total"]["amount"] for invoice in listed["items"]] == [3490]


def test_a_declined_card_leaves_the_invoice_open_and_payable_again(shopper: Shopper) -> None:
    declined = create_invoice(shopper, unit_price=(66602 - 990) // 2)
    id = declined["id"]
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)

    failed = _until_payment(shopper, id, "failed")
    again = expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)

    assert failed["status"] == "open"
    assert [payment["status"] for payment in again["payments"]] == ["failed", "pending"]


def test_a_gateway_that_times_out_is_asked_again_and_never_guessed(shopper: Shopper) -> None:
    slow = create_invoice(shopper, unit_price=(66608 - 990) // 2)
    id = slow["id"]
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)

    unknown = _until_payment(shopper, id, "unknown")
    paid = until_paid(shopper, id)

    assert unknown["status"] == "open"
    assert [payment["status"] for payment in paid["payments"]] == ["succeeded"]


def test_migrate_says_what_it_would_do_does_it_and_then_has_nothing_to_do(
    tmp_path: Path, unmigrated: dict[str, str]
) -> None:
    def migrate(*options: str) -> tuple[int, str]:
        result = run("migrate", *options, folder=tmp_path, environment=unmigrated)
        return result.returncode, result.stdout + result.stderr

    code, plan = migrate("--plan")
    assert code == 0
    assert "users_0001" in plan
    assert "billing_0001" in plan
    assert migrate("--check")[0] == 1
    assert migrate("--context", "users")[0] == 0
    assert "users_0001" not in migrate("--plan")[1]
    assert migrate()[0] == 0
    assert migrate("--check") == (0, "Nothing to migrate.\n")


def test_an_api_on_an_unmigrated_database_refuses_to_start_and_names_the_fix(
    tmp_path: Path, unmigrated: dict[str, str]
) -> None:
    refused = run("api", "--port", "0", folder=tmp_path, environment=unmigrated)

    assert refused.returncode == 1
    assert "hedgerow migrate" in refused.stderr


def _shopper_with_invoice(client: httpx.Client) -> Shopper:
    shopper = sign_up(client)
    create_invoice(shopper)
    return shopper


def _until_payment(shopper: Shopper, id: str, status: str) -> dict[str, object]:
    for _ in range(200):
        invoice = expect(shopper.get(f"/v1/billing/invoices/{id}"), 200)
        if invoice["payments"][-1]["status"] == status:
            return invoice
        time.sleep(0.05)
    raise AssertionError(f"no payment became {status}: {invoice}")
