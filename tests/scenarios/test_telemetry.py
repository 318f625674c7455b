"""What a host tells about itself while it runs: metrics, traces, alarms. Nothing of it quotes what users wrote."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.observability.catalogue import PROCESS, metrics
from hedgerow_core.observability.labels import LABELS, NO_ROUTE, OTHER_METHOD
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.database import POOL_SIZE
from hedgerow_core.testing.servers import free_port
from hedgerow_host.catalog import compose
from hedgerow_host.exits import HostError
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.telemetry import telemetry
from tests.conftest import Production, migrated_production, with_role
from tests.processes import NO_TLS, run
from tests.story import Shopper, create_invoice, expect, sign_up, until_paid

NOTICED_WITHIN_S = 15.0
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
CHARGE = "billing.charge_payment"
COPY = "billing.copy_registered_user"
REFUSED = 32_805
"""With twice this price, an invoice comes to what the sandbox gateway never takes."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(port: int) -> Samples:
    """Every sample of a scrape, by name and labels."""
    page = httpx.get(f"http://127.0.0.1:{port}/metrics", verify=NO_TLS).text
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


def declared_names() -> dict[str, set[str]]:
    """What the composition declares that may stand in labels which hold names."""
    assembly, routes = compose(HostSettings(environment=Environment.DEV))
    contexts = assembly.contexts
    return {
        "context": {*assembly.names},
        "publisher": {*assembly.names},
        "other": {*assembly.names},
        "subscription": {name for context in contexts for name in context.consumers},
        "schedule": {schedule.name for context in contexts for schedule in context.handlers.schedules},
        "query": {question.query for context in contexts for question in context.handlers.asks},
        "route": {NO_ROUTE, *(mounted.route.path_format for mounted in routes)},
    }


def strangers(samples: Samples, names: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """What stands in labels, and should not."""
    told = {item for _name, labels in samples for item in labels if item[0] != "le"}
    return {(label, held) for label, held in told if held not in (LABELS[label].words or names[label])}


def test_worker_and_api_serve_metrics_whose_labels_hold_what_is_declared(production: Production) -> None:
    at_api, at_worker = free_port(), free_port()
    with (
        production.with_settings(HEDGEROW_METRICS_PORT=str(at_worker)).worker(),
        production.with_settings(HEDGEROW_METRICS_PORT=str(at_api)).api() as (_api, client),
    ):
        pay(client)
        client.get(f"/v1/nothing/{uuid4()}")
        client.request("PROPFIND", "/v1/users/me")
        lag = {"context": "billing", "subscription": COPY, "publisher": "users"}
        for port in (at_worker, at_api):  # a look that came before the cursor was opened knows of no lag
            until(lambda port=port: value(scraped(port), "hedgerow_relay_lag_seconds", **lag) == 0)
        worker, api = scraped(at_worker), scraped(at_api)

    charge = {"context": "billing", "subscription": CHARGE}
    names = declared_names()
    tick = {"context": "billing", "schedule": "billing.collect_payments"}
    assert value(worker, "hedgerow_effects_total", **charge) == 1
    assert value(worker, "hedgerow_handler_duration_seconds_count", **charge) == 1
    assert (value(worker, "hedgerow_hints_sent_total", context="billing") or 0) >= 1
    assert value(api, "hedgerow_effects_total", **charge) is None, "the API handles nothing"
    for samples in (worker, api):
        assert value(samples, "hedgerow_deliveries", **charge, state="pending") == 0
        assert value(samples, "hedgerow_alarm", **charge, what="dead") == 0
        assert value(samples, "hedgerow_relay_lag_seconds", **lag) == 0
        assert value(samples, "hedgerow_pool_size", context="billing") == POOL_SIZE
        assert value(samples, "hedgerow_quarantined", context="billing") == 0
        assert value(samples, "hedgerow_schedule_overdue_seconds", **tick) == 0
        assert not [labels for _name, labels in samples if any(UUID.search(label) for _key, label in labels)]
        assert strangers(samples, names) == set()
        process = {name for name, _labels in samples if name.startswith("process_")}
        assert {metric.name for metric in PROCESS} <= process
        assert {name for name, _labels in samples} - process <= {
            series
            for metric in metrics().values()
            for series in (*metric.series, metric.name.replace("_total", "_created"), f"{metric.name}_created")
        }
    requests = "hedgerow_http_request_duration_seconds_count"
    template = "/v1/billing/invoices/{invoice_id}/request-payment"
    assert value(api, requests, method="POST", route=template, status="202") == 1
    assert value(api, requests, method="GET", route=NO_ROUTE, status="404") == 1
    assert value(api, requests, method=OTHER_METHOD, route="/v1/users/me", status="405") == 1
    assert not [labels for name, labels in api if name == requests and "readyz" in str(labels)], "probes count"
    outbound = {"outcome": "answered", **charge}
    assert value(worker, "hedgerow_task_call_duration_seconds_count", **outbound) == 1
    assert value(worker, "hedgerow_dispatcher_waits", context="billing") == 0
    leak = {("hedgerow_made_up", frozenset({("state", "lost"), ("context", str(uuid4()))})): 1.0}
    assert {label for label, _held in strangers(leak, names)} == {"state", "context"}, "the twin"


def test_a_port_of_metrics_that_is_taken_is_said_at_once(production: Production, tmp_path: Path) -> None:
    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler):
        environment = {**production.environment, "HEDGEROW_METRICS_PORT": str(port)}
        refused = run("worker", folder=tmp_path, environment=environment)

    assert refused.returncode == 2
    assert f"cannot serve metrics on 127.0.0.1:{port}" in refused.stderr
    assert "HEDGEROW_METRICS_PORT" in refused.stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A span as it was exported."""

    service: str
    name: str
    trace: str
    id: str
    parent: str


class Collector(ThreadingHTTPServer):
    """Takes traces as a collector would, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _TakeSpans)
        self.raw: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> set[Seen]:
        """Every span that has come so far."""
        found = set()
        for body in list(self.raw):
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                attributes = {item.key: item.value.string_value for item in resource.resource.attributes}
                spans = [span for scope in resource.scope_spans for span in scope.spans]
                found |= {
                    Seen(
                        service=attributes["service.name"],
                        name=span.name,
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                    )
                    for span in spans
                }
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


def strays(spans: Iterable[Seen], origins: Iterable[Seen]) -> list[Seen]:
    """Those that follow none of these."""
    known = {(origin.trace, origin.id) for origin in origins}
    return [span for span in spans if (span.trace, span.parent) not in known]


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
    trace, caller = "5bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    secret, tick = "canary-4111", "tick billing.collect_payments"
    requested = "POST /v1/billing/invoices/{invoice_id}/request-payment"
    overdue = (
        "UPDATE billing.schedules SET next_at = now() - interval '9 min' WHERE name = 'billing.collect_payments'"
    )
    with collecting() as collector:
        traced = production.with_settings(HEDGEROW_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="200")
        with traced.worker() as worker, traced.api() as (api, client):
            client.headers["traceparent"] = f"00-{trace}-{caller}-01"
            client.get(f"/v1/users/me?token={secret}")
            client.get("/readyz")
            client.post("/v1/users/register", json={"email": f"{secret}@example.com", "password": secret * 2})
            pay(client)
            shopper = sign_up(client)
            refused = create_invoice(shopper, REFUSED)["id"]
            expect(shopper.post(f"/v1/billing/invoices/{refused}/open"), 200)
            expect(shopper.post(f"/v1/billing/invoices/{refused}/request-payment"), 202)
            worker.wait_for("delivery_failed")
            execute(production, overdue)
            done = {f"call {CHARGE}", f"process {COPY}", tick, "process billing.collect_payments"}
            until(lambda: done <= {span.name for span in collector.spans()})

    spans = collector.spans()
    requests = [span for span in spans if span.name == requested]
    charges = [span for span in spans if span.name == f"process {CHARGE}"]
    calls = [span for span in spans if span.name == f"call {CHARGE}"]
    copies = [span for span in spans if span.name == f"process {COPY}"]
    registered = [span for span in spans if span.name == "POST /v1/users/register"]
    ticks = [span for span in spans if span.name == tick]
    collected = [span for span in spans if span.name == "process billing.collect_payments"]
    assert {(span.service, span.trace, span.parent) for span in requests} == {("hedgerow-api", trace, caller)}
    assert {(span.service, span.trace) for span in [*charges, *calls, *copies]} == {("hedgerow-worker", trace)}
    assert strays(charges, requests) == [], "a task follows the request that recorded it"
    assert strays(calls, charges) == [], "a call outside belongs to its task"
    assert strays(copies, registered) == [], "a handler follows the request, over outbox and relay"
    assert strays(collected, ticks) == [], "what a schedule makes follows its tick"
    assert min(map(len, (charges, calls, copies))) >= 2
    assert collected
    assert {(span.parent, span.trace == trace) for span in ticks} == {("", False)}, "each tick begins a trace"
    torn = [replace(charges[0], parent=caller), replace(charges[1], trace=caller * 2)]
    assert strays(torn, requests) == torn, "the twin"
    assert not [span.name for span in spans if "readyz" in span.name]
    assert not [body for body in collector.raw if secret.encode() in body]
    failed = [json.loads(line) for line in worker.output.splitlines() if '"delivery_failed"' in line]
    answered = [json.loads(line) for line in api.output.splitlines() if '"request"' in line]
    assert {line["trace_id"] for line in failed} == {trace}
    assert {line["trace_id"] for line in answered if line["path"].startswith("/v1/billing")} == {trace}


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
