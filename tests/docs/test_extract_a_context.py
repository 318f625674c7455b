"""Who follows `extract-a-context.md` moves billing, takes it back, and moves it for good, while customers buy."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import LOCALHOST, folder_for_postgres, free_port, postgres_for_tests, run_sql
from tests.conftest import NO_MAIL, url_of
from tests.docs.markdown import DOCS, Block, blocks
from tests.extraction.laboratory.buyers import Buyers, Front
from tests.extraction.laboratory.two_clusters import rows_now
from tests.processes import SECRET, Process, clean_environment, wait_until_ready
from tests.scenarios.test_errors import problem
from tests.shell import typed, with_hedgerow
from tests.story import sign_up

PAGE = (DOCS / "how-to/extract-a-context.md").read_text()
SETTLED_WITHIN_S = 30.0
POLL_S = 0.1
STANDSTILL_S = 5.0


def typed_on(page: str) -> dict[str, Block]:
    """Everything that is typed, by what it is for, in the order of the page."""
    return {block.title or block.text: block for block in blocks(page) if block.language in ("sh", "sql")}


@dataclass(slots=True)
class Operator:
    """Somebody with both servers, a folder for each host, and the page."""

    folder: Path
    old: DatabaseAddress
    new: DatabaseAddress
    broker: str
    urls: dict[str, str]
    """Of the hosts, by folder."""
    typed: set[str] = field(default_factory=set)
    running: dict[str, list[Process]] = field(default_factory=dict)

    def does(self, title: str) -> str:
        """Type what the page says in a folder, which must succeed; what was printed."""
        self.typed.add(title)
        where, _, _what = title.rpartition(": ")
        done = typed(typed_on(PAGE)[title].text, folder=self.folder / where, environment=self._environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def asks(self, title: str, server: DatabaseAddress) -> None:
        """The same for SQL, as a superuser."""
        self.typed.add(title)
        run_sql(server, *(each for each in typed_on(PAGE)[title].text.split(";\n") if each.strip()))

    def starts(self, host: str, commands: str = "hedgerow api\nhedgerow worker\n") -> None:
        """Start processes of a host, as the page says or as they were, and wait for them."""
        if f"{host}: start" in typed_on(PAGE):
            self.typed.add(f"{host}: start")
            commands = typed_on(PAGE)[f"{host}: start"].text
        url = httpx.URL(self.urls[host])
        for line in commands.splitlines():
            _hedgerow, role = shlex.split(line)
            # Nobody balances load here: who is told to stop need not wait until that is known.
            environment = {"HEDGEROW_ENV": "test", "HEDGEROW_PORT": str(url.port), "HEDGEROW_DRAIN_S": "0"}
            process = Process(role, folder=self.folder / host, environment=environment)
            self.running.setdefault(host, []).append(process)
            if role == "api":
                wait_until_ready(str(url), process)
            else:
                process.wait_for("worker_ready")

    def stops(self, host: str) -> None:
        """End all of it."""
        for process in self.running.pop(host, []):
            process.end()

    @property
    def _environment(self) -> dict[str, str]:
        names = {
            "HEDGEROW_ENV": "test",
            "TARGET": url_of(self.target),
            "BROKER": self.broker,
            "USERS_URL": self.urls["users"],
            "BILLING_URL": self.urls["billing"],
        }
        return with_hedgerow(clean_environment() | names)

    @property
    def source(self) -> DatabaseAddress:
        """What the shop has."""
        return DatabaseAddress(self.old.url.set(username="shop", database="shop"))

    @property
    def target(self) -> DatabaseAddress:
        """What the page makes at the other server."""
        return DatabaseAddress(self.new.url.set(username="billing_host", database="billing"))


@pytest.fixture
def operator(redis_url: str, tmp_path: Path) -> Iterator[Operator]:
    with ExitStack() as stack:
        old, new = (
            stack.enter_context(postgres_for_tests(stack.enter_context(folder_for_postgres()))) for _ in "12"
        )
        run_sql(old, "CREATE ROLE shop LOGIN CREATEROLE", "CREATE DATABASE shop OWNER shop")
        urls = {host: f"http://{LOCALHOST}:{free_port()}" for host in ("shop", "users", "billing")}
        operator = Operator(tmp_path, old, new, redis_url, urls)
        settings = {
            "HEDGEROW_DATABASE_URL": url_of(operator.source),
            "HEDGEROW_BROKER_URL": redis_url,
            "USERS_SECRET": SECRET,
            "USERS_SMTP_URL": NO_MAIL,
            "BILLING_GATEWAY": "sandbox",
        }
        (tmp_path / "shop").mkdir()
        (tmp_path / "shop/.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        migrated = typed("hedgerow migrate", folder=tmp_path / "shop", environment=operator._environment)
        assert migrated.returncode == 0, migrated.stderr
        try:
            yield operator
        finally:
            for host in list(operator.running):
                operator.stops(host)


def until_nothing_is_left_to_do(at: DatabaseAddress) -> None:
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while undone := rows_now(at, "SELECT DISTINCT state FROM billing.deliveries WHERE state <> 'completed'"):
        assert time.monotonic() < deadline, f"not done: {undone}"
        time.sleep(POLL_S)


def nothing_is_lost_or_doubled(at: DatabaseAddress, accepted: list[str]) -> None:
    """Whatever was accepted is paid there, once."""
    paid = {str(row["id"]) for row in rows_now(at, "SELECT id FROM billing.invoices WHERE status = 'paid'")}
    assert set(accepted) <= paid, "an invoice is lost"
    taken = rows_now(at, "SELECT invoice_id FROM billing.payments WHERE status = 'succeeded'")
    assert sorted(str(row["invoice_id"]) for row in taken) == sorted(paid), "a payment is lost, or doubled"


def carry_and_stand_by(operator: Operator) -> None:
    assert "0 answers differ" in operator.does("shop: carry")
    if not (operator.folder / "billing/.env").exists():
        operator.does("settings of billing")
    operator.starts("billing")
    assert "standby" in operator.does("billing: stands by")


def test_who_follows_the_page_moves_billing_and_can_take_it_back_and_nothing_is_lost(operator: Operator) -> None:
    front = Front(operator.urls["shop"])
    buyers = Buyers(front)
    operator.starts("shop")
    with buyers.buying(), front.client() as client, httpx.Client() as by_hand:
        ann = replace(sign_up(client), client=by_hand)
        buyers.some(3)
        assert "nothing stands in the way" in operator.does("shop: plan")
        operator.asks("new server", operator.new)
        operator.asks("old server", operator.old)
        assert "takes writes" in operator.does("shop: rehearse")

        operator.does("settings of users")
        operator.starts("users")
        front.rest = operator.urls["users"]
        carry_and_stand_by(operator)
        assert ann.request("GET", f"{operator.urls['billing']}/v1/billing/invoices").is_success
        buyers.some(3)
        with pytest.raises(AssertionError, match="an invoice is lost"):
            nothing_is_lost_or_doubled(operator.target, buyers.paid)

        front.next = operator.urls["billing"]
        assert "stood still for" in operator.does("shop: switch")
        buyers.some(3)
        assert front.billing == operator.urls["billing"]
        operator.stops("shop")
        operator.does("shop: verify")
        assert "all is right" in operator.does("billing: verify")

        operator.starts("shop")
        front.next = operator.urls["shop"]
        assert "billing is back, and works" in operator.does("shop: take it back")
        buyers.some(3)
        assert front.billing == operator.urls["shop"]
        operator.stops("billing")
        assert "forgotten" in operator.does("shop: take away what is left")

        carry_and_stand_by(operator)
        front.next = operator.urls["billing"]
        operator.does("shop: switch")
        buyers.some(3)
        operator.stops("shop")
        operator.does("shop: verify")
        problem(httpx.get(f"{operator.urls['users']}/v1/billing/invoices"), 421, "context_elsewhere")
        assert sign_up(client).get("/v1/billing/invoices").is_success
        operator.does("shop: retire")
        buyers.some(3)
    assert buyers.gave_up == []
    until_nothing_is_left_to_do(operator.target)
    nothing_is_lost_or_doubled(operator.target, buyers.paid)
    operator.does("billing: verify")
    assert buyers.longest_wait_s <= STANDSTILL_S
    assert (operator.folder / "billing-archive/invoices.csv").is_file()
    assert rows_now(operator.source, "SELECT 1 FROM pg_namespace WHERE nspname = 'billing'") == []
    assert operator.typed == typed_on(PAGE).keys()


def test_a_command_of_the_page_that_nobody_tries_is_noticed() -> None:
    more = PAGE + '```sh title="shop: burn"\nrm -r shop\n```\n'
    assert typed_on(more).keys() - typed_on(PAGE).keys() == {"shop: burn"}
