"""Fixtures for tests with several hosts, or with several PostgreSQLs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import LocalIssuer
from hedgerow_core.testing.servers import database_for_test, folder_for_postgres, postgres_for_tests
from tests.extraction.apart import Apart, users_and_billing
from tests.extraction.hosts import Host, two_hosts
from tests.extraction.orchard_and_press import install_orchard_and_press
from tests.faults.conftest import laboratory_database, seed, verdict

__all__ = ["laboratory_database", "seed", "verdict"]


@pytest.fixture(scope="module")
def orchard_and_press(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Host, Host]]:
    """The host of orchard, and that of press, which asks it."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "installed").mkdir()
    installed = install_orchard_and_press(folder / "installed")
    with two_hosts(
        ["orchard"], ["press"], server=postgres_server, broker_url=redis_url, folder=folder, settings=installed
    ) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalIssuer]:
    """An identity provider that the host of users believes."""
    issuer = LocalIssuer()
    issuer.start()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def apart(
    postgres_server: DatabaseAddress,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    issuer: LocalIssuer,
) -> Iterator[Apart]:
    """Users, with cookies and an identity provider, and billing."""
    settings = {"USERS_PROVIDERS": json.dumps([issuer.setting()]), "USERS_COOKIES": "true"}
    with users_and_billing(postgres_server, redis_url, tmp_path_factory.mktemp("apart"), **settings) as apart:
        yield apart


@pytest.fixture(scope="session")
def other_server() -> Iterator[DatabaseAddress]:
    """A second PostgreSQL: its transaction ids have nothing to do with those of the first."""
    with folder_for_postgres() as folder, postgres_for_tests(folder) as address:
        yield address


@pytest.fixture
def target(other_server: DatabaseAddress) -> Iterator[DatabaseAddress]:
    """An empty database there."""
    with database_for_test(other_server) as address:
        yield address
