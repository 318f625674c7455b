"""The two servers, once for all tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text

from core.tests.replication.shop import shop_on, until
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.owner import owner_connection
from hedgerow_core.replication import Replica
from hedgerow_core.testing.replicas import ReplicaServer, primary_and_replica
from hedgerow_core.testing.servers import run_sql


@pytest.fixture(scope="package")
def servers() -> Iterator[ReplicaServer]:
    with primary_and_replica() as servers:
        run_sql(servers.primary, "CREATE SCHEMA shop", "CREATE TABLE shop.prices (price int NOT NULL)")
        run_sql(servers.primary, "INSERT INTO shop.prices VALUES (0)")
        yield servers


@pytest.fixture(autouse=True)
async def caught_up(servers: ReplicaServer) -> AsyncIterator[None]:
    async with owner_connection(servers.primary, autocommit=True) as connection:
        await connection.execute(text("UPDATE shop.prices SET price = 0"))
    yield
    await servers.catch_up()


@pytest.fixture
async def replica(servers: ReplicaServer) -> AsyncIterator[Replica]:
    replica = Replica(servers.primary, servers.address, sample_every_s=0.05)
    async with replica.watched():
        await until(lambda: replica.has(replica.primary_now() - 1.0))
        yield replica


@pytest.fixture
async def shop(servers: ReplicaServer, replica: Replica) -> AsyncIterator[Database]:
    async with shop_on(servers.primary, replica) as shop:
        yield shop
