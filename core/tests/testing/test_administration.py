"""Databases for tests come and go by one connection, which is mended if it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.administration import Administration
from hedgerow_core.testing.servers import run_sql

WHO = "SELECT pg_backend_pid()"


@pytest.fixture
def administration(postgres_server: DatabaseAddress) -> Iterator[Administration]:
    administration = Administration(postgres_server)
    yield administration
    administration.close()


def test_all_statements_go_by_one_connection(administration: Administration) -> None:
    assert administration.run(WHO) == administration.run(WHO) is not None


def test_threads_take_turns(administration: Administration) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(administration.run, [WHO] * 20))

    assert set(found) == {administration.run(WHO)}


def test_a_connection_that_the_server_has_ended_is_replaced(
    administration: Administration, postgres_server: DatabaseAddress
) -> None:
    before = administration.run(WHO)
    run_sql(postgres_server, f"SELECT pg_terminate_backend({before}, 5000)")

    assert administration.run(WHO) != before


def test_who_has_hung_up_connects_anew(administration: Administration) -> None:
    before = administration.run(WHO)
    administration.close()

    assert administration.run(WHO) != before


def test_a_statement_that_fails_leaves_the_connection_usable(administration: Administration) -> None:
    before = administration.run(WHO)
    with pytest.raises(Exception, match="no_such_database"):
        administration.run("DROP DATABASE no_such_database")

    assert administration.run(WHO) == before
