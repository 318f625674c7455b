"""The fixtures of extraction: a second PostgreSQL, whose transaction ids have nothing to do with the first's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import database_for_test, folder_for_postgres, postgres_for_tests
from tests.faults.conftest import seed, source_and_sink, verdict

__all__ = ["seed", "source_and_sink", "verdict"]


@pytest.fixture(scope="session")
def other_server() -> Iterator[DatabaseAddress]:
    """A second PostgreSQL."""
    with folder_for_postgres() as folder, postgres_for_tests(folder) as address:
        yield address


@pytest.fixture
def target(other_server: DatabaseAddress) -> Iterator[DatabaseAddress]:
    """An empty database there."""
    with database_for_test(other_server) as address:
        yield address
