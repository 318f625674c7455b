"""What a host tells about itself while it runs: metrics, traces, alarms. Nothing of it quotes what users wrote."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from hedgerow_host.exits import HostError
from hedgerow_host.settings import HostSettings
from hedgerow_host.telemetry import telemetry
from tests.conftest import Production, migrated_production, with_role
from tests.processes import run
from tests.story import Shopper, create_invoice, expect, sign_up, until_paid

NOTICED_WITHIN_S = 15.0
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
CHARGE = "billing.charge_payment"
COPY = "billing.copy_registered_user"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(port: int) -> Samples:
    """Every sample of a scrape, by name and labels."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def until(what: Callable[[], bool], within_s: float = NOTICED_WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def execute(production: Production, sql: str) -> None:
    address = DatabaseAddress.parse(production.environment["HEDGEROW_DATABASE_URL"])

    async def run_it() -> None:
        engine = create_async_engine(address.url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.execute(text(sql))

    asyncio.run(run_it())


@pytest.fixture(scope="module")
def production(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Production]:
    with migrated_production(postgres_server, redis_url, tmp_path_factory.mktemp("host")) as production:
        yield production


def request_payment(client: httpx.Client) -> tuple[Shopper, str]:
    shopper = sign_up(client)
    id = create_invoice(shopper)["id"]
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
    return shopper, id


def pay(client: httpx.Client) -> None:
    until_paid(*request_payment(client))


def test_worker_and_api_serve_metrics_that_name_no_ids(production: Production) -> None:
    at_api, at_worker = free_port(), free_port()
    with (
        production.with_settings(HEDGEROW_METRICS_PORT=str(at_worker)).worker(),
        production.with_settings(HEDGEROW_METRICS_PORT=str(at_api)).api() as (_api, client),
    ):
        pay(client)
        lag = {"context": "billing", "subscription": COPY, "publisher": "users"}
        for port in (at_worker, at_api):  # a look that came before the cursor was opened knows of no lag
            until(lambda port=port: value(scraped(port), "hedgerow_relay_lag_seconds", **lag) == 0)
        worker, api = scraped(at_worker), scraped(at_api)

    charge = {"context": "billing", "subscription": CHARGE}
    assert value(worker, "hedgerow_effects_total", **charge) == 1
    assert value(worker, "hedgerow_handler_duration_seconds_count", **charge) == 1
    assert (value(worker, "hedgerow_hints_sent_total", context="billing") or 0) >= 1
    assert value(api, "hedgerow_effects_total", **charge) is None, "the API handles nothing"
    for samples in (worker, api):
        assert value(samples, "hedgerow_deliveries", **charge, state="pending") == 0
        assert value(samples, "hedgerow_alarm", **charge, what="dead") == 0
        assert value(samples, "hedgerow_relay_lag_seconds", **lag) == 0
        assert not [labels for _name, labels in samples if any(UUID.search(label) for _key, label in labels)]


def test_a_port_of_metrics_that_is_taken_is_said_at_once(production: Production, tmp_path: Path) -> None:
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler):
        environment = {**production.environment, "HEDGEROW_METRICS_PORT": str(port)}
        refused = run("worker", folder=tmp_path, environment=environment)

    assert refused.returncode == 2
    assert f"cannot serve metrics on 127.0.0.1:{port}" in refused.stderr
    assert "HEDGEROW_METRICS_PORT" in refused.stderr


class Collector(ThreadingHTTPServer):
    """Takes traces as a collector would, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _TakeSpans)
        self.raw: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> set[tuple[str, str, str]]:
        """Service, name and trace of every span."""
        found = set()
        for body in self.raw:
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
                spans = [span for scope in resource.scope_spans for span in scope.spans]
                found |= {(attributes["service.name"], span.name, span.trace_id.hex()) for span in spans}
        return found


class _TakeSpans(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        self.server.raw.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    thread = Thread(target=collector.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()
        thread.join()


def test_a_story_is_one_trace_over_api_and_worker_and_quotes_nothing(production: Production) -> None:
    trace = "5bf92f3577b34da6a3ce929d0e0e4736"
    secret = "canary-4111"
    with collecting() as collector:
        traced = production.with_settings(HEDGEROW_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200")
        with traced.worker(), traced.api() as (_api, client):
            client.headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
            client.get(f"/v1/users/me?token={secret}")
            client.get("/readyz")
            client.post("/v1/users/register", json={"email": f"{secret}@example.com", "password": secret * 2})
            pay(client)
            until(lambda: any(name == f"process {CHARGE}" for _service, name, _trace in collector.spans()))

    spans = collector.spans()
    expected = {
        ("hedgerow-api", "POST /v1/billing/invoices/{invoice_id}/request-payment", trace),
        ("hedgerow-worker", f"process {CHARGE}", trace),
        ("hedgerow-worker", f"process {COPY}", trace),
    }
    assert expected <= spans, sorted(spans)
    assert not [name for _service, name, _trace in spans if "readyz" in name]
    assert not [body for body in collector.raw if secret.encode() in body]


def test_a_collector_that_is_away_costs_the_end_of_a_process_seconds_at_most(production: Production) -> None:
    nowhere = production.with_settings(HEDGEROW_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    with nowhere.api() as (api, client):
        pay_nothing = client.get("/v1/users/me")
        started = time.monotonic()
        api.end()
        took = time.monotonic() - started

    assert pay_nothing.status_code == 401
    assert took < 10


def test_an_endpoint_without_the_sdk_names_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings = HostSettings(otlp_endpoint="http://127.0.0.1:4318")

    with pytest.raises(HostError, match=r"hedgerow-host\[telemetry\]"), telemetry(settings, "api"):
        pass
    with telemetry(HostSettings(), "api"):
        pass  # the twin: who asks for nothing needs nothing


@pytest.mark.parametrize("url", ["collector:4318", "ftp://collector", "http://ann:secret@collector:4318"])
def test_an_endpoint_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected http://collector:4318|OTEL_EXPORTER_OTLP_HEADERS"):
        HostSettings(otlp_endpoint=url)


def test_what_wants_a_decision_and_what_nobody_takes_up_raise_alarms_and_leave_the_host_ready(
    production: Production,
) -> None:
    port = free_port()
    kill = f"UPDATE billing.deliveries SET state = 'dead' WHERE subscription = '{CHARGE}'"
    labels = {"context": "billing", "subscription": CHARGE, "what": "dead"}
    with production.with_settings(HEDGEROW_METRICS_PORT=str(port), HEDGEROW_STALE_AFTER_S="3").api() as (
        api,
        client,
    ):
        operator = with_role(production, client, "super_admin")

        def ready() -> httpx.Response:
            return operator.get("/readyz")

        with production.worker():
            pay(client)
        until(lambda: ready().json()["alarms"] == [])
        execute(production, kill)
        until(lambda: bool(ready().json()["alarms"]))
        dead, metric = ready(), value(scraped(port), "hedgerow_alarm", **labels)
        execute(production, kill.replace("'dead'", "'discarded'"))
        until(lambda: not ready().json()["alarms"])
        request_payment(client)
        until(lambda: len(ready().json()["alarms"]) > 1)
        waiting = {(alarm["subscription"], alarm["what"]) for alarm in ready().json()["alarms"]}

    assert (dead.status_code, dead.json()["status"], metric) == (200, "ready", 1)
    (alarm,) = dead.json()["alarms"]
    assert alarm == labels | {"count": alarm["count"]}
    assert {(CHARGE, "stale"), (COPY, "not_carried")} <= waiting
    lines = [line for line in api.output.splitlines() if '"dead"' in line]
    assert [re.findall(r"alarm_\w+", line) for line in lines] == [["alarm_started"], ["alarm_ended"]]
