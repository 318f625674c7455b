"""Balances are remembered, and right at every moment: whatever is booked clears them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contexts.billing.tests.books import TOTAL, one_of_each, opened
from hedgerow_billing import plugin
from hedgerow_billing.application.commands.request_payment import RequestPayment
from hedgerow_billing.application.gateway import PaymentGateway
from hedgerow_billing.application.queries.customer_balance import BALANCES, CustomerBalance
from hedgerow_billing.container import BillingContainer
from hedgerow_billing.domain import events
from hedgerow_billing.domain.bookkeeping import EntryKind
from hedgerow_billing.settings import BillingSettings
from hedgerow_core.application import Bus, Command
from hedgerow_core.application.cache import Clearing
from hedgerow_core.caching import CacheStore, StoredCache, in_process_store, redis_store
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.persistence import Database
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.testing import FakeClock, Rows, WorkOff, bus_of, worker_of

Process = Callable[[CacheStore], BillingContainer]
"""`process(store)`: what one process of the host has of billing."""


@pytest.fixture
def process(
    database: Database, clock: FakeClock, gateway: PaymentGateway, settings: BillingSettings, tmp_path: Path
) -> Process:
    def process(store: CacheStore) -> BillingContainer:
        core = CoreContainer(
            context="billing",
            environment="test",
            data_dir=tmp_path,
            clock=clock,
            database=database,
            cache=StoredCache(store, "billing"),
        )
        container = plugin.container(core, settings)
        container.gateway.override(gateway)
        return container

    return process


@pytest.fixture
def container(process: Process) -> BillingContainer:
    return process(in_process_store())


class LookedAt:
    """A bus after whose every command the balance is asked for, remembered and added up anew."""

    def __init__(self, bus: Bus, container: BillingContainer, customer: UUID) -> None:
        self._bus = bus
        self._books = container.statement_reader()
        self._customer = customer
        self.wrong: list[str] = []

    async def execute(self, command: Command[Any]) -> Any:
        answer = await self._bus.execute(command)
        await self.compare(type(command).__name__)
        return answer

    async def ask(self, query: Any) -> Any:
        return await self._bus.ask(query)

    async def compare(self, after: str) -> None:
        remembered = await self._bus.ask(CustomerBalance(customer_id=self._customer))
        if list(remembered) != list(await self._books.balances(self._customer)):
            self.wrong.append(after)


async def wrong_after(bus: Bus, container: BillingContainer, customer: UUID, work_off: WorkOff) -> Collection[str]:
    """After what of a story about every kind of entry a remembered balance was wrong."""
    looked_at = LookedAt(bus, container, customer)

    async def work_off_and_compare() -> None:
        await work_off()
        await looked_at.compare("deliveries")

    await one_of_each(looked_at, work_off_and_compare, customer)  # type: ignore[arg-type] # it is one in what counts
    return looked_at.wrong


async def test_a_remembered_balance_is_right_after_whatever_is_booked(
    bus: Bus, container: BillingContainer, customer: UUID, work_off: WorkOff, rows: Rows
) -> None:
    assert await wrong_after(bus, container, customer, work_off) == []

    booked = {row.kind for row in await rows("SELECT DISTINCT kind FROM postings WHERE account = 'receivable'")}
    assert booked == set(EntryKind), "the story leaves something out, so less is proved"


async def test_without_one_of_its_events_a_balance_would_be_wrong(
    database: Database, container: BillingContainer, customer: UUID, clock: FakeClock
) -> None:
    fewer = {event: key for event, key in BALANCES.cleared_by.items() if event is not events.InvoicePaid}
    cache = container.core.cache()
    container.clearing.override(Clearing(cache, (replace(BALANCES, cleared_by=fewer),)))
    handlers = plugin.handlers(container)
    worker = worker_of(database, handlers, plugin.subscriptions(), clock)

    assert await wrong_after(bus_of(database, handlers), container, customer, worker)


async def owed_after_a_worker_was_paid(
    api: BillingContainer, worker: BillingContainer, database: Database, clock: FakeClock, customer: UUID
) -> int:
    """What the one process says is owed, once another has worked off the payment of all of it."""
    bus = bus_of(database, plugin.handlers(api))
    invoice = await opened(bus, customer)
    await bus.ask(CustomerBalance(customer_id=customer))
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    await worker_of(database, plugin.handlers(worker), plugin.subscriptions(), clock)()
    (owed,) = await bus.ask(CustomerBalance(customer_id=customer))
    return owed.amount


async def test_what_a_worker_changes_is_seen_by_every_process_through_redis(
    process: Process, redis_url: str, database: Database, clock: FakeClock, customer: UUID
) -> None:
    stores = [redis_store(redis_url, namespace=str(customer)) for _ in range(2)]
    api, worker = map(process, stores)

    assert await owed_after_a_worker_was_paid(api, worker, database, clock, customer) == 0
    for store in stores:
        await store.close()


async def test_and_would_not_be_if_each_remembered_for_itself(
    process: Process, database: Database, clock: FakeClock, customer: UUID
) -> None:
    api, worker = process(in_process_store()), process(in_process_store())

    assert await owed_after_a_worker_was_paid(api, worker, database, clock, customer) == TOTAL


async def test_who_looks_again_and_again_has_the_books_added_up_once(bus: Bus, customer: UUID) -> None:
    await opened(bus, customer)
    before = loaded()

    for _ in range(5):
        await bus.ask(CustomerBalance(customer_id=customer))

    assert loaded() == before + 1


async def test_after_a_delivery_as_well(bus: Bus, customer: UUID, work_off: WorkOff) -> None:
    invoice = await opened(bus, customer)
    await bus.execute(RequestPayment(customer_id=customer, invoice_id=invoice.id))
    await work_off()
    before = loaded()

    for _ in range(5):
        await bus.ask(CustomerBalance(customer_id=customer))

    assert loaded() == before + 1


def loaded() -> float:
    found = {"context": "billing", "cache": "balances", "outcome": "loaded"}
    return REGISTRY.get_sample_value("hedgerow_cache_reads_total", found) or 0
