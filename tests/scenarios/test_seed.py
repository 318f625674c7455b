"""`hedgerow seed --demo`: where it is allowed, what it makes, and that it makes it once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from hedgerow_billing import plugin as billing_plugin
from hedgerow_billing.application.demo_invoices import Next, SeedInvoices
from hedgerow_billing.domain.errors import DemoWouldCharge
from hedgerow_core.application.seeding import demo_id
from hedgerow_core.domain import ConflictError
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.servers import free_port
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import load_contexts
from hedgerow_host.exits import HostError
from hedgerow_host.seeding import Ground, sow
from hedgerow_host.settings import Environment
from hedgerow_host.working_in_process import working_in_process
from hedgerow_users import plugin as users_plugin
from hedgerow_users.application.demo_accounts import DEMO_PASSWORD, PEOPLE
from tests.conftest import NO_MAIL, url_of
from tests.garden import install_garden
from tests.processes import SECRET, run, running, wait_until_ready
from tests.story import expect

FINE, MISCONFIGURED = 0, 2
EVERYTHING = (
    "users.accounts",
    "users.outbox",
    "users.audit_entries",
    "billing.customers",
    "billing.invoices",
    "billing.deliveries",
)
TICKS = ("billing.collect_payments", "billing.mark_overdue")
"""Deliveries that the clock makes, every five minutes or every hour, whoever seeds."""

LISTENER = """
import asyncio
from dependency_injector import containers, providers
from pydantic import BaseModel
from hedgerow_core.application.seeding import Seeded
from hedgerow_core.domain import ConflictError
from hedgerow_core.messaging import LedgerWork, RetryPolicy, Subscription
from hedgerow_core.plugin import Handlers, Manifest, Subscriptions, hookimpl

HEARD, DEAD = [], set()
SLOWNESS_S = 0.0
AT_THE_SEED = []
FAILING = False

class User(BaseModel):
    user_id: str

async def hear(event, envelope, work):
    await asyncio.sleep(SLOWNESS_S)
    if len(HEARD) == 3 and not DEAD:
        DEAD.add(event.user_id)
    if event.user_id in DEAD:
        raise ConflictError("never")
    HEARD.append(event.user_id)

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

@hookimpl
def manifest():
    return Manifest(name="garden", version="1.0", core_api=">=0.1,<0.2", optional=("users",))

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: LedgerWork(
        connection, context="garden", clock=container.core.clock(), translations={}))

@hookimpl
def subscriptions():
    return Subscriptions(subscribes=[Subscription(
        name="garden.hear", event="users.user_registered", model=User, handle=hear,
        retry=RetryPolicy(attempts=1),
    )])

@hookimpl
def seed(container, bus):
    async def seed(seeding):
        if FAILING:
            raise ConflictError("the ground is frozen")
        AT_THE_SEED.append(len(HEARD))
        return [Seeded(what="flowers", made=0, kept=len(HEARD))]
    return seed
"""


@pytest.fixture
def address(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(
        users=(users_plugin.migrations(),), billing=(billing_plugin.migrations(),), garden=()
    ) as address:
        yield address


@pytest.fixture
def settings(address: DatabaseAddress) -> dict[str, str]:
    """A host on that database, without the context of the tests."""
    return {
        "HEDGEROW_DATABASE_URL": url_of(address),
        "HEDGEROW_CONTEXTS": "users,billing",
        "USERS_SMTP_URL": NO_MAIL,
    }


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A context that listens to users, and has a seed of its own."""
    install_garden(tmp_path / "path", LISTENER)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    yield lambda: sys.modules["garden"]
    sys.modules.pop("garden", None)


@asynccontextmanager
async def hosting(
    address: DatabaseAddress, folder: Path, *contexts: str, environment: Environment = Environment.DEV
) -> AsyncIterator[Assembly]:
    yield assemble(load_contexts(contexts), environment=environment, data_dir=folder, address=address)


async def rows(address: DatabaseAddress, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url_of(address))
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def everything(address: DatabaseAddress) -> dict[str, list[Any]]:
    """Whatever a seed could have changed, row by row."""
    found = {table: sorted(await rows(address, f"SELECT one::text FROM {table} one")) for table in EVERYTHING}
    deliveries = found["billing.deliveries"]
    found["billing.deliveries"] = [row for row in deliveries if not any(f",{tick}," in row[0] for tick in TICKS)]
    return found


def seeded(settings: dict[str, str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("seed", *words, folder=folder, environment=settings)


def accounts_in(done: subprocess.CompletedProcess[str]) -> tuple[int, int]:
    """How many accounts were made, and how many kept."""
    (row,) = (row for row in json.loads(done.stdout) if (row["context"], row["what"]) == ("users", "accounts"))
    return row["made"], row["kept"]


def test_seed_alone_explains_itself(tmp_path: Path) -> None:
    refused = seeded({}, tmp_path)

    assert (refused.returncode, refused.stdout) == (MISCONFIGURED, "")
    assert "fix: hedgerow seed --demo" in refused.stderr


@pytest.mark.parametrize("environment", ["test", "prod", None])
def test_outside_of_dev_nothing_is_made_unless_somebody_insists(
    settings: dict[str, str], address: DatabaseAddress, tmp_path: Path, environment: str | None
) -> None:
    where = settings | ({"HEDGEROW_ENV": environment} if environment else {})

    refused = seeded(where, tmp_path, "--demo")

    assert (refused.returncode, refused.stdout) == (MISCONFIGURED, "")
    assert f"this is {environment or 'prod'}" in refused.stderr
    assert "--yes" in refused.stderr
    assert asyncio.run(rows(address, "SELECT id FROM users.accounts")) == []


def test_who_insists_gets_accounts_that_no_password_opens_and_no_secret_is_printed(
    settings: dict[str, str], address: DatabaseAddress, tmp_path: Path
) -> None:
    made = seeded(settings | {"HEDGEROW_ENV": "prod"}, tmp_path, "--demo", "--yes", "--json")

    assert made.returncode == FINE, made.stderr
    assert accounts_in(made) == (len(PEOPLE), 0)
    assert DEMO_PASSWORD not in made.stdout + made.stderr
    assert asyncio.run(rows(address, "SELECT DISTINCT password_hash FROM users.accounts")) == [(None,)]


def test_in_dev_it_is_made_once_beside_a_worker_and_one_can_log_in(
    settings: dict[str, str], address: DatabaseAddress, tmp_path: Path
) -> None:
    port = str(free_port())
    url, where = f"http://127.0.0.1:{port}", settings | {"HEDGEROW_ENV": "dev", "USERS_SECRET": SECRET}
    with running("dev", "--port", port, folder=tmp_path, environment=where) as host:
        wait_until_ready(url, host)
        first = seeded(where, tmp_path, "--demo", "--json")
        before = asyncio.run(everything(address))
        second = seeded(where, tmp_path, "--demo", "--json")
        after = asyncio.run(everything(address))
        name, email = PEOPLE[0]
        with httpx.Client(base_url=url, timeout=10) as client:
            token = expect(client.post("/v1/users/login", json={"email": email, "password": DEMO_PASSWORD}), 200)
            bearer = {"Authorization": f"Bearer {token['access_token']}"}
            me = expect(client.get("/v1/users/me", headers=bearer), 200)

    assert (first.returncode, second.returncode) == (FINE, FINE), first.stderr + second.stderr
    assert (accounts_in(first), accounts_in(second)) == ((len(PEOPLE), 0), (0, len(PEOPLE)))
    assert "Nothing was made" in second.stderr
    assert "Nothing was made" not in first.stderr
    assert before == after
    assert len(before["billing.customers"]) == len(PEOPLE), "the events were worked off before the command ended"
    assert (me["id"], me["name"], me["roles"]) == (str(demo_id("users.account", 1)), name, ["admin"])


async def test_an_address_that_somebody_has_is_left_to_them(address: DatabaseAddress, tmp_path: Path) -> None:
    async with hosting(address, tmp_path, "users") as assembly:
        await sow(assembly, lambda _context: None)
    taken = await rows(address, "SELECT id FROM users.accounts WHERE email LIKE 'aiko%'")
    await rows(address, "UPDATE users.accounts SET id = gen_random_uuid() WHERE email LIKE 'aiko%' RETURNING id")

    async with hosting(address, tmp_path, "users") as assembly:
        ((_context, again),) = await sow(assembly, lambda _context: None)

    assert (again.made, again.kept) == (0, len(PEOPLE) - 1)
    assert "1 left out" in again.note
    assert taken == [(demo_id("users.account", 3),)]


async def test_a_seed_begins_when_what_came_before_it_has_been_delivered(
    garden: Any, address: DatabaseAddress, tmp_path: Path
) -> None:
    turns: list[str] = []
    async with hosting(address, tmp_path, "garden", "users") as assembly:
        garden().SLOWNESS_S = 0.02
        sown = await sow(assembly, turns.append)

    assert turns == ["users", "garden"]
    delivered = len(PEOPLE) - 1
    assert [delivered] == garden().AT_THE_SEED, "one is dead, and the dead are not waited for"
    assert [(context, seeded.what) for context, seeded in sown] == [("users", "accounts"), ("garden", "flowers")]


async def test_without_settling_a_seed_would_begin_too_soon(
    garden: Any, address: DatabaseAddress, tmp_path: Path
) -> None:
    async with hosting(address, tmp_path, "garden", "users") as assembly:
        garden().SLOWNESS_S = 0.05
        users = next(context for context in assembly.contexts if context.name == "users")
        ground = Ground(assembly)
        async with assembly.running(), working_in_process(assembly):
            await users.loaded.call("seed", container=users.container, bus=users.bus)(ground)
            too_soon = len(garden().HEARD)
            with pytest.raises(HostError, match="still being worked off"):
                await ground.settle(within=timedelta(milliseconds=10))
            await ground.settle()

    assert too_soon < len(garden().HEARD) == len(PEOPLE) - 1


async def test_what_a_seed_raises_arrives_as_it_is(garden: Any, address: DatabaseAddress, tmp_path: Path) -> None:
    async with hosting(address, tmp_path, "garden") as assembly:
        garden().FAILING = True
        with pytest.raises(ConflictError, match="the ground is frozen"):
            await sow(assembly, lambda _context: None)


STATES = {
    "draft": 6,
    "open": 14,
    "paid": 24,
    "uncollectible": 2,
    "void": 4,
}


async def test_billing_has_invoices_in_every_state_and_three_dead_tasks(
    address: DatabaseAddress, tmp_path: Path
) -> None:
    async with hosting(address, tmp_path, "users", "billing") as assembly:
        first = await sow(assembly, lambda _context: None)

    assert [(seeded.what, seeded.made) for _context, seeded in first] == [
        ("accounts", 20),
        ("invoices", 50),
        ("dead tasks", 3),
    ]
    assert dict(await rows(address, "SELECT status, count(*) FROM billing.invoices GROUP BY status")) == STATES
    assert await rows(address, "SELECT status, count(*) FROM billing.refunds GROUP BY status") == [("succeeded", 6)]
    dead = "SELECT subscription, count(*) FROM billing.deliveries WHERE state = 'dead' GROUP BY subscription"
    assert await rows(address, dead) == [("billing.fail_on_purpose", 3)]


async def test_a_seed_of_billing_that_was_interrupted_goes_on_where_it_was(
    address: DatabaseAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, lead = [], SeedInvoices._lead

    async def dying(self: SeedInvoices, number: int, goal: Next) -> bool:
        steps.append(number)
        if len(steps) == 70:
            raise ConflictError("the power is gone")
        return await lead(self, number, goal)

    async with hosting(address, tmp_path, "users", "billing") as assembly:
        monkeypatch.setattr(SeedInvoices, "_lead", dying)
        with pytest.raises(ConflictError, match="the power is gone"):
            await sow(assembly, lambda _context: None)
    monkeypatch.undo()
    async with hosting(address, tmp_path, "users", "billing") as assembly:
        again = await sow(assembly, lambda _context: None)

    assert [(seeded.made, seeded.kept) for _context, seeded in again] == [(0, 20), (0, 50), (0, 3)]
    assert dict(await rows(address, "SELECT status, count(*) FROM billing.invoices GROUP BY status")) == STATES


async def test_no_demo_data_is_charged_through_a_real_gateway(
    address: DatabaseAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GATEWAY": "stripe",
        "STRIPE_API_KEY": "sk_test_12345",
        "STRIPE_WEBHOOK_SECRET": "whsec_12345",
    }.items():
        monkeypatch.setenv(f"BILLING_{name}", value)
    async with hosting(address, tmp_path, "users", "billing") as assembly:
        with pytest.raises(DemoWouldCharge):
            await sow(assembly, lambda _context: None)

    assert await rows(address, "SELECT id FROM billing.invoices") == []
