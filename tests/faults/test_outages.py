"""What an operator fears at night: a killed worker, a Redis that is away, a PostgreSQL that is away."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_core.testing import RedisServer
from tests.conftest import NO_MAIL, Production, migrated_production, url_of
from tests.processes import run
from tests.story import Shopper, create_invoice, expect, sign_up, until_paid

ORPHANS_RECOVER_WITHIN_S = 10.0
CHARGE_TAKES_S = 2.0


@pytest.fixture
def production(postgres_server: DatabaseAddress, redis_server: RedisServer, tmp_path: Path) -> Iterator[Production]:
    with migrated_production(postgres_server, redis_server.url, tmp_path) as production:
        yield production


def request_payment(shopper: Shopper) -> str:
    id: str = create_invoice(shopper)["id"]
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
    return id


def rows(production: Production, sql: str) -> list[tuple[object, ...]]:
    """What an operator would see with psql."""
    address = DatabaseAddress.parse(production.environment["HEDGEROW_DATABASE_URL"])

    async def fetch() -> list[tuple[object, ...]]:
        async with create_async_engine(address.url, poolclass=NullPool).connect() as connection:
            return [tuple(row) for row in await connection.execute(text(sql))]

    return asyncio.run(fetch())


def wait_until_charging(production: Production) -> None:
    claimed = "SELECT 1 FROM billing.deliveries WHERE type = 'billing.charge_payment' AND state = 'processing'"
    deadline = time.monotonic() + CHARGE_TAKES_S * 5
    while not rows(production, claimed):
        assert time.monotonic() < deadline, "the worker never took the payment"


def test_a_worker_killed_while_it_charges_costs_seconds_and_charges_once(production: Production) -> None:
    slow = production.with_settings(BILLING_SANDBOX_LATENCY_S=str(CHARGE_TAKES_S))
    with slow.api() as (_api, client):
        shopper = sign_up(client)
        with slow.worker() as worker:
            id = request_payment(shopper)
            wait_until_charging(production)
            worker.send(signal.SIGKILL)
            worker.wait()
        with slow.worker():
            killed_at = time.monotonic()
            invoice = until_paid(shopper, id)
            recovered_in = time.monotonic() - killed_at - CHARGE_TAKES_S

    assert [payment["status"] for payment in invoice["payments"]] == ["succeeded"]
    assert rows(production, "SELECT count(*) FROM billing.outbox WHERE type = 'billing.invoice_paid'") == [(1,)]
    assert rows(production, "SELECT state, attempts FROM billing.deliveries WHERE type LIKE '%charge%'") == [
        ("completed", 2)
    ]
    assert recovered_in < ORPHANS_RECOVER_WITHIN_S


def test_a_payment_requested_while_no_worker_runs_waits_for_one(production: Production) -> None:
    with production.api() as (_api, client):
        shopper = sign_up(client)
        id = request_payment(shopper)
        with production.worker():
            until_paid(shopper, id)


def test_two_hosts_that_share_a_redis_leave_each_others_work_alone(
    production: Production, postgres_server: DatabaseAddress, redis_server: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    waits = []
    with (
        migrated_production(postgres_server, redis_server.url, tmp_path / "other") as other,
        other.worker(),
        production.worker(),
        production.api() as (_api, client),
    ):
        shopper = sign_up(client)
        for _ in range(6):
            started = time.monotonic()
            until_paid(shopper, request_payment(shopper))
            waits.append(time.monotonic() - started)

    # A hint that somebody else took would be sent again after 5 s.
    assert max(waits) < 4


def test_while_redis_is_away_the_api_works_on_and_payments_complete_once_it_is_back(
    production: Production, redis_server: RedisServer
) -> None:
    with production.api() as (_api, client), production.worker():
        shopper = sign_up(client)
        redis_server.stop()

        id = request_payment(shopper)
        ready = client.get("/readyz")
        time.sleep(1)
        still = expect(shopper.get(f"/v1/billing/invoices/{id}"), 200)
        redis_server.start()
        until_paid(shopper, id)

    assert (ready.status_code, ready.json()["checks"]["broker"]) == (200, "away")
    assert still["status"] == "open"


def test_an_api_whose_database_goes_away_answers_503_and_recovers_by_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with embedded_postgres(data) as postgres:
        environment = {"HEDGEROW_DATABASE_URL": url_of(postgres.address), "USERS_SMTP_URL": NO_MAIL}
        production = Production(tmp_path, environment)
        assert run("migrate", folder=tmp_path, environment=production.environment).returncode == 0
        with production.api() as (_api, client):
            shopper = sign_up(client)
            expect(shopper.get("/v1/users/me"), 200)
            postgres.stop()

            away = shopper.get("/v1/users/me")
            unready = client.get("/readyz")
            alive = client.get("/livez")
            postgres.start()
            back = shopper.get("/v1/users/me")
            ready = client.get("/readyz")

    for refused in (away, unready):
        assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert int(refused.headers["Retry-After"]) > 0
    assert away.json()["code"] == "database_away"
    assert alive.status_code == httpx.codes.OK
    assert (back.status_code, ready.status_code) == (200, 200)


def test_a_worker_whose_database_goes_away_goes_on_once_it_is_back(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with embedded_postgres(tmp_path / "data") as postgres:
        environment = {
            "HEDGEROW_DATABASE_URL": url_of(postgres.address),
            "HEDGEROW_BROKER_URL": redis_server.url,
            "USERS_SMTP_URL": NO_MAIL,
        }
        production = Production(tmp_path, environment)
        assert run("migrate", folder=tmp_path, environment=environment).returncode == 0
        with production.api() as (_api, client), production.worker() as worker:
            shopper = sign_up(client)
            postgres.stop()
            worker.wait_for("dispatcher_waits")
            postgres.start()
            until_paid(shopper, request_payment(shopper))


@pytest.mark.parametrize("role", ["api", "worker", "migrate"])
def test_a_database_that_is_away_at_start_is_named_without_its_password(tmp_path: Path, role: str) -> None:
    environment = {
        "HEDGEROW_DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/shop",
        "HEDGEROW_BROKER_URL": "redis://127.0.0.1:1/0",
    }

    refused = run(role, folder=tmp_path, environment=environment)

    assert refused.returncode == 3
    assert "postgresql://me:***@127.0.0.1:1/shop" in refused.stderr
    assert "HEDGEROW_DATABASE_URL" in refused.stderr
    assert "hush" not in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("role", ["api", "migrate"])
def test_a_database_that_does_not_exist_is_named_with_what_postgresql_said(
    postgres_server: DatabaseAddress, tmp_path: Path, role: str
) -> None:
    missing = DatabaseAddress(postgres_server.url.set(database="not_created_yet"))

    refused = run(role, folder=tmp_path, environment={"HEDGEROW_DATABASE_URL": url_of(missing)})

    assert refused.returncode == 3
    assert 'database "not_created_yet" does not exist' in refused.stderr
    assert "Traceback" not in refused.stderr
