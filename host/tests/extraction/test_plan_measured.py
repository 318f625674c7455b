"""What a running host has counted is read from its metrics: chatty questions, and what two hosts could not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest, start_http_server
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from hedgerow_core.observability.metrics import CROSSED_TRANSACTIONS, QUESTION_SECONDS, REFUSED_STATEMENTS, REGISTRY
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.servers import free_port
from hedgerow_host.counted_crossings import count_crossings
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.plan.measured import Measured, measure

SINCE = 1_000_000.0
PAGE = """
# TYPE hedgerow_question_duration_seconds histogram
hedgerow_question_duration_seconds_bucket{context="garden",le="+Inf",outcome="answered",query="market.price"} 900
hedgerow_question_duration_seconds_count{context="garden",outcome="answered",query="market.price"} 900
hedgerow_question_duration_seconds_sum{context="garden",outcome="answered",query="market.price"} 1.8
hedgerow_question_duration_seconds_count{context="garden",outcome="late",query="market.price"} 100
hedgerow_question_duration_seconds_sum{context="garden",outcome="late",query="market.price"} 0.2
hedgerow_question_duration_seconds_count{context="shed",outcome="answered",query="market.price"} 5
hedgerow_question_duration_seconds_sum{context="shed",outcome="answered",query="market.price"} 5
# TYPE hedgerow_question_duration_seconds_created gauge
hedgerow_question_duration_seconds_created{context="garden",outcome="answered",query="market.price"} 1000000.0
hedgerow_question_duration_seconds_created{context="garden",outcome="late",query="market.price"} 1000005.0
"""


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Measured]:
    def page(text: str, context: str, seconds: float) -> Measured:
        file = tmp_path / "metrics.txt"
        file.write_text(text)
        return measure([str(file)], context, now=SINCE + seconds)

    return page


@pytest.fixture
def two_contexts(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(garden=(), market=()) as address:
        yield address


def test_questions_are_told_with_how_often_and_how_long_all_outcomes_together(
    page: Callable[..., Measured],
) -> None:
    (found,) = page(PAGE, "garden", 1000).questions

    assert (found.asker, found.query, found.asked) == ("garden", "market.price", 1000)
    assert (found.mean_ms, found.per_second) == (2.0, 1.0)


def test_whoever_is_asked_sees_all_its_askers(page: Callable[..., Measured]) -> None:
    assert [each.asker for each in page(PAGE, "market", 1000).questions] == ["garden", "shed"]
    assert page(PAGE, "meadow", 1000).questions == []


@pytest.mark.parametrize(("seconds", "kinds"), [(1000, []), (50, ["asked_often"])])
def test_a_question_on_a_hot_path_is_a_caution(
    page: Callable[..., Measured], seconds: float, kinds: list[str]
) -> None:
    assert [each.kind for each in page(PAGE, "garden", seconds).obstacles] == kinds


def test_metrics_come_from_a_running_host(tmp_path: Path) -> None:
    QUESTION_SECONDS.labels("garden", "market.seen", "answered").observe(0.004)
    port = free_port()
    server, thread = start_http_server(port, "127.0.0.1", REGISTRY)
    try:
        questions = measure([f"http://127.0.0.1:{port}/metrics"], "garden", now=2e9).questions
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    (found,) = [each for each in questions if each.query == "market.seen"]
    assert (found.asked, found.mean_ms, found.per_second is not None) == (1, 4.0, True)


def test_where_there_are_no_metrics_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="HEDGEROW_METRICS_PORT") as away:
        measure([f"http://127.0.0.1:{free_port()}/metrics"], "garden", now=0)
    with pytest.raises(HostError, match="name a URL such as") as none:
        measure([str(tmp_path / "nowhere")], "garden", now=0)
    (tmp_path / "page.html").write_text("<html>not found</html>")
    with pytest.raises(HostError, match="holds no metrics"):
        measure([str(tmp_path / "page.html")], "garden", now=0)

    assert (away.value.code, none.value.code) == (ExitCode.UNREACHABLE, ExitCode.MISCONFIGURED)
    assert measure([], "garden", now=0).looked_at.startswith("not looked at")


async def test_a_running_host_counts_transactions_inside_others_and_statements_that_its_role_may_not(
    two_contexts: DatabaseAddress, page: Callable[..., Measured]
) -> None:
    garden, market = Database(two_contexts, "garden"), Database(two_contexts, "market")
    for database in (garden, market):
        count_crossings(database)
    before = [counted("garden", "market"), refused("garden")]
    async with garden.transaction() as connection:
        await connection.execute(text("SELECT 1"))
    async with market.transaction() as connection:
        await connection.execute(text("SELECT 1"))
    assert [counted("garden", "market"), refused("garden")] == before

    async with market.transaction(), garden.transaction() as connection:
        await connection.execute(text("SELECT 1"))
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with garden.reading() as connection:
            await connection.execute(text("SELECT * FROM market.deliveries"))
    await garden.close()
    await market.close()

    assert [counted("garden", "market"), refused("garden")] == [before[0] + 1, before[1] + 1]
    found = page(generate_latest(REGISTRY).decode(), "garden", 0).obstacles
    assert {each.kind for each in found} == {"crossed_transaction", "refused_by_role"}
    assert all("a running host has counted" in each.what for each in found)


def counted(context: str, other: str) -> float:
    return CROSSED_TRANSACTIONS.labels(context, other)._value.get()


def refused(context: str) -> float:
    return REFUSED_STATEMENTS.labels(context)._value.get()
