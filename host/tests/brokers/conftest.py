"""The brokers that the rules are held against: none (in process), Redis, RabbitMQ; each with a farm around it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import RedisServer
from hedgerow_core.testing.plugin import NOT_PROVEN, RABBITMQ_URL
from hedgerow_core.testing.servers import database_for_test, running_redis
from host.tests.brokers.farm import BrokerServer, Farm
from host.tests.brokers.orchard import install_orchard
from tests.processes import run

IN_PROCESS, REDIS, RABBITMQ = "in process", "redis", "rabbitmq"


@dataclass(frozen=True, slots=True)
class BorrowedServer:
    """A broker that somebody else runs: it is not ours to kill."""

    url: str

    def start(self) -> None: ...

    def stop(self) -> None:
        pytest.skip(f"{NOT_PROVEN}RabbitMQ killed under load (not ours to kill: {RABBITMQ_URL})")


@pytest.fixture(scope="session")
def private_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of these tests alone: they kill and empty it."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def broker_server(request: pytest.FixtureRequest) -> BrokerServer | None:
    """The broker of this round: asked for by name, so that only what is needed starts."""
    if request.param == IN_PROCESS:
        return None
    if request.param == RABBITMQ and (url := os.environ.get(RABBITMQ_URL)):
        return BorrowedServer(url)
    server: BrokerServer = request.getfixturevalue("private_redis" if request.param == REDIS else "rabbitmq_server")
    return server


@pytest.fixture(scope="session")
def orchard_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `orchard` is installed."""
    folder = tmp_path_factory.mktemp("packages")
    install_orchard(folder)
    return folder


@pytest.fixture(scope="session")
def orchard_address(
    postgres_server: DatabaseAddress, orchard_package: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseAddress]:
    """One migrated database for all brokers, one after the other: each judges its own baskets only."""
    with database_for_test(postgres_server) as address:
        farm = Farm(address, None, tmp_path_factory.mktemp("migrate"), orchard_package)
        migrated = run("migrate", folder=orchard_package, environment=farm.environment)
        assert migrated.returncode == 0, migrated.stderr
        yield address


@pytest.fixture(scope="module")
def farm(
    broker_server: BrokerServer | None,
    orchard_address: DatabaseAddress,
    orchard_package: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Farm]:
    """A farm on that broker; tests ask it for workers."""
    broker_url = broker_server.url if broker_server else None
    farm = Farm(orchard_address, broker_url, tmp_path_factory.mktemp("farm"), orchard_package)
    yield farm
    farm.end()


@pytest.fixture
async def orchard(farm: Farm) -> AsyncIterator[Database]:
    """The database of the context, as its API process would use it."""
    database = Database(farm.address, "orchard")
    yield database
    await database.close()
