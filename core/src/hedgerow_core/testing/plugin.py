"""The pytest fixtures for everybody who tests a context: a server per run, a database per test.

`HEDGEROW_TEST_DATABASE_URL`, `HEDGEROW_TEST_REDIS_URL` and `HEDGEROW_TEST_RABBITMQ_URL` name servers to use instead
of those that come along. What could not be had here is named at the end of the run, because a skip is no proof.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.clock import FakeClock
from hedgerow_core.testing.local_issuer import LocalIssuer
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_core.testing.migrated import MigratedDatabases
from hedgerow_core.testing.rabbitmq import RabbitMqMissingError, RabbitMqServer
from hedgerow_core.testing.servers import (
    RedisServer,
    database_for_test,
    folder_for_postgres,
    postgres_for_tests,
    running_redis,
)

DATABASE_URL = "HEDGEROW_TEST_DATABASE_URL"
REDIS_URL = "HEDGEROW_TEST_REDIS_URL"
RABBITMQ_URL = "HEDGEROW_TEST_RABBITMQ_URL"
NOT_PROVEN = "NOT PROVEN HERE: "
"""How the reason of a skip begins that must not pass for green."""


def pytest_configure() -> None:
    """A run that is told to end (by CI, by `timeout`) takes down its servers, as one does that is interrupted."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[DatabaseAddress]:
    """A PostgreSQL on which databases may be created."""
    url = os.environ.get(DATABASE_URL)
    if url:
        yield DatabaseAddress.parse(url)
        return
    with folder_for_postgres() as folder, postgres_for_tests(folder) as address:
        yield address


@pytest.fixture
def fresh_database(postgres_server: DatabaseAddress) -> Iterator[DatabaseAddress]:
    """An empty database for this test alone."""
    with database_for_test(postgres_server) as address:
        yield address


@pytest.fixture(scope="session")
def migrated_databases(postgres_server: DatabaseAddress) -> Iterator[MigratedDatabases]:
    """Gives out databases in which contexts are migrated already."""
    databases = MigratedDatabases(postgres_server)
    yield databases
    databases.drop_templates()


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for this test alone, which it may stop and start."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis for tests that leave it running."""
    url = os.environ.get(REDIS_URL)
    if url:
        yield url
        return
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitMqServer]:
    """A RabbitMQ of this test run alone, which a test may kill if it starts it again."""
    with TemporaryDirectory(prefix="hedgerow-") as folder:
        server = RabbitMqServer(Path(folder))
        try:
            server.start()
        except RabbitMqMissingError as error:
            pytest.skip(f"{NOT_PROVEN}RabbitMQ (no server: {error})")
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def rabbitmq_url(request: pytest.FixtureRequest) -> str:
    """A RabbitMQ for tests that leave it running."""
    url = os.environ.get(RABBITMQ_URL)
    if url:
        return url
    server: RabbitMqServer = request.getfixturevalue("rabbitmq_server")
    return server.url


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server for this test alone."""
    mailbox = Mailbox()
    mailbox.start()
    yield mailbox
    mailbox.stop()


@pytest.fixture
def local_issuer() -> Iterator[LocalIssuer]:
    """An OpenID provider for this test alone, which it may break."""
    issuer = LocalIssuer()
    issuer.start()
    yield issuer
    issuer.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a line of its own what was skipped because this machine lacks it."""
    skipped = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", ())]
    reasons = [reason.removeprefix("Skipped: ") for reason in skipped]
    for reason in sorted({reason for reason in reasons if reason.startswith(NOT_PROVEN)}):
        terminalreporter.write_line(f"{reason}: {reasons.count(reason)} tests skipped", yellow=True, bold=True)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until the test moves it."""
    return FakeClock()
