"""Webhooks in a host of its own, with somebody who receives, and stand-ins for users and billing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from contexts.webhooks.tests.receiver import Receiver
from hedgerow_core.domain import new_id
from hedgerow_core.testing import Rows, rows_of
from hedgerow_host.testing import HostApp, HostAppFactory, Person, Scenario

AT = datetime(2026, 1, 15, tzinfo=UTC)
PAID = "billing.invoice_paid"
LOCAL = {"WEBHOOKS_LOCAL_RECEIVERS": "true"}

Register = Callable[..., Awaitable[dict[str, Any]]]
"""`await register(person, receiver.url)`: the answer, secret included."""
Pays = Callable[..., Awaitable[UUID]]
"""`await pays(owner_id)`: an invoice of theirs is paid, and what follows has happened; returns the event's id."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def host(host_app: HostAppFactory) -> AsyncIterator[HostApp]:
    async with host_app("webhooks", "standalone", settings=LOCAL) as host:
        await Scenario(host).quiet()  # subscriptions begin with what happens after they were seen first
        yield host


@pytest.fixture
def rows(host: HostApp) -> Rows:
    return rows_of(host.context("webhooks").database)


@pytest.fixture
def customer(host: HostApp) -> Person:
    return host.someone()


@pytest.fixture
def register() -> Register:
    async def register(person: httpx.AsyncClient, url: str, *events: str, **more: str) -> dict[str, Any]:
        body = {"url": url, "events": list(events or (PAID,)), **more}
        answer = await person.post("/v1/webhooks/endpoints", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return register


def paid(owner_id: UUID, **more: Any) -> dict[str, Any]:
    """What billing says of an invoice that is paid."""
    told = {"invoice_id": new_id(), "payment_id": new_id(), "total_amount": 1999, "currency": "EUR", "paid_at": AT}
    return {"customer_id": owner_id, **told, **more}


@pytest.fixture
def pays(scenario: Scenario) -> Pays:
    async def pays(owner_id: UUID, **more: Any) -> UUID:
        return await scenario.happens(PAID, **paid(owner_id, **more))

    return pays
