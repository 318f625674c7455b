"""A worker dies while a receiver has the message, and again with its answer in hand: it comes again, as itself.

The receiver gets it at least once and always under one id, and in the end the log says that it has arrived.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from contexts.webhooks.tests.receiver import Receiver, silent_until, status
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.testing import FakeClock, MigratedDatabases, bus_of, context_database, rows_of
from hedgerow_webhooks import plugin
from hedgerow_webhooks.application.commands.register_endpoint import RegisterEndpoint
from hedgerow_webhooks.application.ports import NewMessage
from hedgerow_webhooks.application.tasks.send_message import SendMessage
from hedgerow_webhooks.settings import WebhooksSettings
from tests.conftest import url_of
from tests.faults.laboratory.child import LEASE_S, MUTANT
from tests.faults.laboratory.sizes import LONG
from tests.faults.laboratory.supervisor import Supervisor

SECRET = "for tests alone, and so it is no secret"
WITHIN_S = 60.0
MUTANTS = ("names_every_attempt_anew", "takes_sending_for_arriving")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one message whose workers died twice."""

    ids: set[str]
    requests: int
    is_written_down: bool
    """Whether the log says that it has arrived."""


async def until(is_so: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"no {what} within {within_s} s"
        await asyncio.sleep(0.02)


async def a_message_to(url: str, database: Database, folder: Path) -> UUID:
    """An endpoint, and a message to it that is due."""
    settings = WebhooksSettings(secret=SecretStr(SECRET), local_receivers=True)
    now = FakeClock(datetime.now(UTC))
    core = CoreContainer(context="webhooks", environment="dev", data_dir=folder, clock=now, database=database)
    container = plugin.container(core, settings)
    declared = plugin.handlers(container)
    command = RegisterEndpoint(owner_id=new_id(), url=url, events=["billing.invoice_paid"])
    made = await bus_of(database, declared).execute(command)
    async with unit_of_work(database, container.work, lambda: None) as work:
        message = NewMessage(
            endpoint_id=made.view.id,
            webhook_id=new_id(),
            type="billing.invoice_paid",
            body=json.dumps({"type": "billing.invoice_paid"}),
            at=now.now(),
        )
        id: UUID = await work.messages.add(message)
        await work.tasks.enqueue(SendMessage(message_id=id, run=1))
    return id


@asynccontextmanager
async def held(database: Database, message: UUID) -> AsyncIterator[None]:
    """Whoever wants to write something down of the message waits."""
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql(f"SELECT 1 FROM messages WHERE id = '{message}' FOR UPDATE")
        yield


async def two_deaths(address: DatabaseAddress, broker_url: str, folder: Path, mutant: str | None) -> Outcome:
    """Play it on real workers."""
    environment = {
        "HEDGEROW_ENV": "dev",
        "HEDGEROW_CONTEXTS": "webhooks",
        "HEDGEROW_DATABASE_URL": url_of(address),
        "HEDGEROW_BROKER_URL": broker_url,
        "WEBHOOKS_SECRET": SECRET,
        "WEBHOOKS_LOCAL_RECEIVERS": "true",
        "WEBHOOKS_TIMEOUT_S": "30",
        LEASE_S: "2",
        **({MUTANT: mutant} if mutant else {}),
    }
    never = threading.Event()
    with Receiver(silent_until(never), status(200)) as receiver, Supervisor(folder, environment) as supervisor:
        async with context_database(address, "webhooks") as database:
            rows = rows_of(database)
            message = await a_message_to(receiver.url, database, folder)

            async def is_settled() -> bool:
                (row,) = await rows("SELECT status FROM messages")
                return bool(row.status == "delivered")

            first = supervisor.worker()
            await until(lambda: len(receiver.received) == 1, "request")
            supervisor.kill(first)  # amid the request
            never.set()
            if mutant != "takes_sending_for_arriving":
                async with held(database, message):
                    second = supervisor.worker()
                    await until(lambda: len(receiver.received) == 2, "second request")
                    await asyncio.sleep(0.2)  # the answer is there, and can't be written down
                    supervisor.kill(second)
            third = supervisor.worker()
            third.wait_for("worker_ready")
            log: Any = []
            deadline = time.monotonic() + (WITHIN_S if mutant is None else 8.0)
            while not log and time.monotonic() < deadline:
                log = await rows("SELECT status FROM attempts")
                await asyncio.sleep(0.1)
            settled = await is_settled()
    ids = {each.id for each in receiver.received}
    return Outcome(ids, len(receiver.received), settled and [row.status for row in log] == [200])


@pytest.fixture
def webhooks_alone(migrated_databases: MigratedDatabases) -> Any:
    with migrated_databases.copy(webhooks=(plugin.migrations(),)) as address:
        yield address


async def test_a_message_whose_workers_die_comes_again_under_its_id_and_is_written_down_once(
    webhooks_alone: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    outcome = await two_deaths(webhooks_alone, redis_url, tmp_path, None)
    assert (len(outcome.ids), outcome.requests, outcome.is_written_down) == (1, 3, True)


@pytest.mark.parametrize("mutant", MUTANTS if LONG else MUTANTS[:1])
async def test_a_build_that_sends_wrongly_is_found_out(
    mutant: str, webhooks_alone: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    outcome = await two_deaths(webhooks_alone, redis_url, tmp_path, mutant)
    if mutant == "names_every_attempt_anew":
        assert len(outcome.ids) > 1
    else:
        assert (outcome.requests, outcome.is_written_down) == (1, False), "it is lost"
