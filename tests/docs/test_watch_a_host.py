"""How to watch a host works: its commands are typed against a host as in production, and find what they should."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.conftest import Production, migrated_production
from tests.deployment.promql import Samples, ringing_in
from tests.docs.markdown import DOCS, Block, blocks
from tests.processes import CHOSEN, NO_TLS, clean_environment
from tests.shell import typed, with_hedgerow
from tests.story import Shopper, create_invoice, expect, sign_up, until_paid

PAGE = (DOCS / "how-to/watch-a-host.md").read_text()
RULES = yaml.safe_load((DOCS.parent / "ops/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
NOTICED_WITHIN_S = 30.0
POLL_S = 0.3
"""Reading all the numbers takes a host as long as some requests do."""
STALE_AFTER_S = 2
HELD_S = 3.0
"""The average of some copies is then longer than what else runs, on a loaded machine, too."""
CHARGE, COPY = "billing.charge_payment", "billing.copy_registered_user"
REFUSED = 32_805
"""With twice this price, an invoice comes to what the sandbox gateway never takes."""
TRACE = "5bf92f3577b34da6a3ce929d0e0e4736"


def scripts(text: str) -> dict[str, Block]:
    """The commands of the page, by what they are for."""
    return {block.title: block for block in blocks(text) if block.language == "sh" and block.title}


@dataclass(frozen=True, slots=True)
class Farm:
    """A host with one API; its worker comes and goes."""

    production: Production
    client: httpx.Client
    api_metrics: str
    worker_port: int
    _worker: ExitStack = field(default_factory=ExitStack)

    @property
    def worker_metrics(self) -> str:
        return f"http://127.0.0.1:{self.worker_port}/metrics"

    def start_worker(self) -> None:
        settings = self.production.with_settings(HEDGEROW_METRICS_PORT=str(self.worker_port))
        self._worker.enter_context(settings.worker())

    def stop_worker(self) -> None:
        self._worker.close()

    def types(self, title: str, **variables: str) -> str:
        """Type the commands of a section; what they print. Each must succeed."""
        environment = clean_environment() | CHOSEN | self.production.environment | variables
        script = scripts(PAGE)[title].text
        done = typed(script, folder=self.production.folder, environment=with_hedgerow(environment))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rings(self, alert: str) -> list[dict[str, str]]:
        """For what an alert rings, by what the API tells. How long it must last is left to Prometheus."""
        (rule,) = [rule for rule in RULES if rule["alert"] == alert]
        return ringing_in(rule["expr"], scraped(self.api_metrics))

    def until_it_rings(self, alert: str, subscription: str) -> None:
        until(lambda: {"context": "billing", "subscription": subscription} in self.rings(alert))

    def until_silent(self, alert: str) -> None:
        until(lambda: not self.rings(alert))


def scraped(url: str) -> Samples:
    families = text_string_to_metric_families(httpx.get(url, verify=NO_TLS).text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def summed(samples: Samples, name: str, **labels: str) -> float:
    wanted = labels.items()
    return sum(value for (found, its), value in samples.items() if found == name and wanted <= dict(its).items())


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + NOTICED_WITHIN_S
    while not what():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(POLL_S)


def in_database(production: Production, sql: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(run())


@contextmanager
def locked(production: Production, table: str) -> Iterator[None]:
    """Nobody gets at the table meanwhile, nor for some seconds afterwards."""
    begun, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table}")
            begun.set()
            await asyncio.to_thread(over.wait)
            waits = "SELECT count(*) FROM pg_locks WHERE relation = to_regclass($1) AND NOT granted"
            while not await connection.fetchval(waits, table):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(POLL_S)
            await asyncio.sleep(HELD_S)
        await connection.close()

    holding = threading.Thread(target=asyncio.run, args=(hold(),))
    holding.start()
    begun.wait(NOTICED_WITHIN_S)
    try:
        yield
    finally:
        over.set()
        holding.join(NOTICED_WITHIN_S)


@pytest.fixture(scope="module")
def farm(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Farm]:
    port, worker_port = free_port(), free_port()
    with (
        migrated_production(postgres_server, redis_url, tmp_path_factory.mktemp("farm")) as production,
        production.with_settings(
            HEDGEROW_METRICS_PORT=str(port), HEDGEROW_STALE_AFTER_S=str(STALE_AFTER_S)
        ).api() as (_api, client),
    ):
        farm = Farm(production, client, f"http://127.0.0.1:{port}/metrics", worker_port)
        try:
            yield farm
        finally:
            farm.stop_worker()


def request_payment(farm: Farm, unit_price: int = 1250) -> tuple[Shopper, str]:
    shopper = sign_up(farm.client)
    id = create_invoice(shopper, unit_price)["id"]
    expect(shopper.post(f"/v1/billing/invoices/{id}/open"), 200)
    expect(shopper.post(f"/v1/billing/invoices/{id}/request-payment"), 202)
    return shopper, id


def dearest(samples: Samples, name: str, *labels: str) -> str:
    """What takes longest on average, by our own reckoning."""
    took: dict[str, float] = {}
    times: dict[str, float] = {}
    for (found, its), value in samples.items():
        key = ":".join(dict(its).get(label, "") for label in labels)
        if found == f"{name}_sum":
            took[key] = took.get(key, 0) + value
        elif found == f"{name}_count":
            times[key] = times.get(key, 0) + value
    return max((key for key in took if times[key]), key=lambda key: took[key] / times[key])


def play_what_waits(farm: Farm) -> None:
    shopper, id = request_payment(farm)
    farm.until_it_rings("HedgerowStale", CHARGE)
    assert "pending" in farm.types("what waits", SUBSCRIPTION=CHARGE)
    farm.start_worker()
    until_paid(shopper, id)
    farm.until_silent("HedgerowStale")


def play_whether_it_works(farm: Farm) -> None:
    printed = farm.types("whether it works", API=str(farm.client.base_url), METRICS=farm.api_metrics)
    assert printed.splitlines()[0] == "ready"
    assert 'hedgerow_ledger_up{context="billing"} 1.0' in printed


def play_the_slow_handler(farm: Farm) -> None:
    with locked(farm.production, "billing.customers"):
        sign_up(farm.client)
    until(lambda: slow_copies(farm))
    first, *_others = farm.types("the slow handler", METRICS=farm.worker_metrics).splitlines()
    assert (
        first.split()[-1]
        == COPY
        == dearest(scraped(farm.worker_metrics), "hedgerow_handler_duration_seconds", "subscription")
    )


def slow_copies(farm: Farm) -> bool:
    samples = scraped(farm.worker_metrics)
    return summed(samples, "hedgerow_handler_duration_seconds_sum", subscription=COPY) > HELD_S


def play_the_slow_request(farm: Farm) -> None:
    first, *_others = farm.types("the slow request", METRICS=farm.api_metrics).splitlines()
    assert first.split()[-1] == dearest(
        scraped(farm.api_metrics), "hedgerow_http_request_duration_seconds", "method", "route"
    )


def play_one_story(farm: Farm) -> None:
    farm.client.headers["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"
    until_paid(*request_payment(farm))
    del farm.client.headers["traceparent"]
    printed = farm.types("one story", TRACE=TRACE)
    assert {"users.user_registered", "billing.invoice_paid"} <= set(re.findall(r"(?:users|billing)\.\w+", printed))
    assert "billing" not in farm.types("one story", TRACE=TRACE[::-1]), "the twin"


def play_three_at_once(farm: Farm) -> None:
    """A host looks every five seconds: what rings and falls silent together is waited for once."""
    alerts = {"HedgerowDeadLetters": COPY, "HedgerowFeedExpired": COPY, "HedgerowPaused": CHARGE}
    assert not any(map(farm.rings, alerts))
    # The gateway would not take the money twice; a copy may be made again.
    one = f"(SELECT event_id FROM billing.deliveries WHERE subscription = '{COPY}' LIMIT 1)"
    in_database(
        farm.production,
        f"UPDATE billing.deliveries SET state = 'dead' WHERE subscription = '{COPY}' AND event_id = {one}",
    )
    in_database(
        farm.production, f"UPDATE billing.feed_cursors SET expired_at = now() WHERE subscription = '{COPY}'"
    )
    farm.types("stop it", SUBSCRIPTION=CHARGE)
    for alert, subscription in alerts.items():
        farm.until_it_rings(alert, subscription)
    (id,) = dead(farm)
    assert COPY in farm.types("dead letters", ID=id)
    farm.types("a feed that has expired", SUBSCRIPTION=COPY)
    farm.types("go on", SUBSCRIPTION=CHARGE)
    for alert in alerts:
        farm.until_silent(alert)


def dead(farm: Farm) -> list[str]:
    async def ids() -> list[Any]:
        connection = await asyncpg.connect(farm.production.environment["HEDGEROW_DATABASE_URL"])
        try:
            return await connection.fetch("SELECT event_id FROM billing.deliveries WHERE state = 'dead'")
        finally:
            await connection.close()

    return [str(row["event_id"]) for row in asyncio.run(ids())]


def play_what_fails(farm: Farm) -> None:
    request_payment(farm, REFUSED)
    outbound = "hedgerow_task_call_duration_seconds_count"
    until(lambda: summed(scraped(farm.worker_metrics), outbound, subscription=CHARGE, outcome="failed"))
    until(lambda: summed(scraped(farm.worker_metrics), "hedgerow_attempts_failed_total", subscription=CHARGE))
    until(lambda: "retry_wait" in farm.types("what fails", SUBSCRIPTION=CHARGE))
    assert summed(scraped(farm.worker_metrics), outbound, subscription=CHARGE, outcome="answered") >= 1


def play_schedules(farm: Farm) -> None:
    late = "hedgerow_schedule_ticks_late_total"
    farm.stop_worker()
    in_database(farm.production, "UPDATE billing.schedules SET next_at = now() - interval '10 min'")
    until(lambda: farm.rings("HedgerowScheduleOverdue"))
    assert "billing.collect_payments" in farm.types("schedules")
    farm.start_worker()
    until(lambda: summed(scraped(farm.worker_metrics), late, schedule="billing.collect_payments"))
    farm.until_silent("HedgerowScheduleOverdue")


def play_what_is_broken(farm: Farm) -> None:
    assert re.search(r"billing \S+ +enabled", farm.types("what is broken"))


def play_after_an_upgrade(farm: Farm) -> None:
    farm.types("after an upgrade")
    page = json.loads((farm.production.folder / "ops/grafana/dashboards/overview.json").read_text())
    assert page["uid"] == "hedgerow-overview"


# Nothing waits any more once there is a worker, and schedules take it away again.
PLAYED: Mapping[str, Callable[[Farm], None]] = {
    "what waits": play_what_waits,
    "whether it works": play_whether_it_works,
    "the slow handler": play_the_slow_handler,
    "the slow request": play_the_slow_request,
    "one story": play_one_story,
    "what fails": play_what_fails,
    "dead letters": play_three_at_once,
    "schedules": play_schedules,
    "what is broken": play_what_is_broken,
    "after an upgrade": play_after_an_upgrade,
}
WITHIN_ANOTHER = {"stop it", "go on", "a feed that has expired"}
"""Typed by those who play *dead letters*."""


@pytest.mark.parametrize("title", PLAYED)
def test_the_commands_find_what_the_page_says(farm: Farm, title: str) -> None:
    PLAYED[title](farm)


def test_no_commands_of_the_page_are_left_out() -> None:
    assert scripts(PAGE).keys() == PLAYED.keys() | WITHIN_ANOTHER
    more = PAGE + '```sh title="a made up look"\nhedgerow stare\n```\n'
    assert scripts(more).keys() - scripts(PAGE).keys() == {"a made up look"}


def test_every_section_about_an_alert_is_about_one_that_there_is() -> None:
    written = re.findall(r"^### (\w+)$", PAGE, re.M)

    assert sorted(written) == sorted(rule["alert"] for rule in RULES)
