"""A whole host beside a replica: its contexts list what was just written, however far the replica is behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.replication import Replica
from hedgerow_core.testing import FakeClock, MigratedDatabases
from hedgerow_core.testing.replicas import ReplicaServer, primary_and_replica
from hedgerow_host.testing.callers import Person
from hedgerow_host.testing.hosting import HostApp, hosted

INVOICES = "/v1/billing/invoices"
LINES = [{"description": "Hedge", "quantity": 1, "unit_price": 1999}]


@pytest.fixture
def servers() -> Iterator[ReplicaServer]:
    with primary_and_replica() as servers:
        yield servers


@pytest.fixture
async def host(servers: ReplicaServer, clock: FakeClock, tmp_path: Path) -> AsyncIterator[HostApp]:
    databases = MigratedDatabases(servers.primary)

    def replica(primary: DatabaseAddress) -> Replica:
        return Replica(primary, servers.of(primary))

    async with hosted(
        ["billing"], "standalone", databases=databases, clock=clock, data_dir=tmp_path, settings={}, replica=replica
    ) as host:
        yield host


async def listed(somebody: Person) -> list[Any]:
    items: list[Any] = (await somebody.get(INVOICES)).raise_for_status().json()["items"]
    return items


def read_from_replica() -> float:
    found = {"context": "billing", "outcome": "replica"}
    return REGISTRY.get_sample_value("hedgerow_replica_reads_total", found) or 0


async def test_who_has_just_written_an_invoice_finds_it_in_the_list_and_others_are_answered_by_the_replica(
    host: HostApp, servers: ReplicaServer
) -> None:
    ann, stranger = host.someone(), host.someone()
    replica = host.assembly.replica
    assert replica is not None
    async with asyncio.timeout(15):
        while not replica.has(None):  # noqa: ASYNC110 - it replays the making of the database
            await asyncio.sleep(0.02)
    await servers.fall_behind()

    made = await ann.post(INVOICES, json={"currency": "EUR", "lines": LINES})
    assert [item["id"] for item in await listed(ann)] == [made.raise_for_status().json()["id"]]
    assert "__Host-hedgerow_wrote=" in made.headers["set-cookie"]
    before = read_from_replica()
    assert await listed(stranger) == []
    assert read_from_replica() == before + 1

    await servers.catch_up()
    async with asyncio.timeout(15):
        while read_from_replica() < before + 2:
            assert len(await listed(ann)) == 1
            await asyncio.sleep(0.02)
