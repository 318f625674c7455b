"""The map that lies in this repository is the one that the code makes, and its tables are those of the database."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from hedgerow_core.testing import MigratedDatabases
from hedgerow_host.catalog import compose
from hedgerow_host.cli.verbs import app
from hedgerow_host.context_map.context_map import tables_of
from hedgerow_host.exits import HostError
from hedgerow_host.settings import HostSettings
from tests.processes import clean_environment

MAP = Path(__file__).parents[2] / "docs" / "map.mmd"
CONTEXTS = ("users", "billing")


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a map shows depends on the settings, so it is drawn as on a new machine."""
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def checked(monkeypatch: pytest.MonkeyPatch, *contexts: str) -> Result:
    monkeypatch.setenv("HEDGEROW_CONTEXTS", ",".join(contexts))
    return CliRunner().invoke(app, ["map", "--check", str(MAP)])


def test_the_map_in_the_repository_is_that_of_its_contexts(monkeypatch: pytest.MonkeyPatch) -> None:
    done = checked(monkeypatch, *CONTEXTS)

    assert (done.stdout, done.exit_code) == ("", 0), done.exception


def test_a_map_that_shows_more_than_there_is_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    done = checked(monkeypatch, "users")

    told = done.stdout.splitlines()
    assert {
        "- there is billing",
        "- billing publishes billing.invoice_paid v1",
        "- billing hears users.user_registered v1",
        "- billing answers billing.customer_balance v1",
        "- billing stores invoices",
    } <= set(told)
    assert all(line.startswith("- ") and "<" not in line for line in told), "in words, and only what has changed"
    assert isinstance(done.exception, HostError)
    assert done.exception.code == 1
    assert f"fix: hedgerow map --output {MAP}" in str(done.exception)


def test_what_a_map_lacks_is_told_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    older = tmp_path / "map.mmd"
    lines = [line for line in MAP.read_text().splitlines(keepends=True) if "billing.invoice_paid" not in line]
    older.write_text("".join(lines))
    monkeypatch.setenv("HEDGEROW_CONTEXTS", ",".join(CONTEXTS))

    done = CliRunner().invoke(app, ["map", "--check", str(older)])

    assert done.stdout.splitlines() == ["+ billing publishes billing.invoice_paid v1"]


def test_a_map_that_says_the_same_and_is_drawn_otherwise_fails_the_check_by_its_lines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    older = tmp_path / "map.mmd"
    older.write_text(MAP.read_text().replace("flowchart LR", "flowchart TD"))
    monkeypatch.setenv("HEDGEROW_CONTEXTS", ",".join(CONTEXTS))

    done = CliRunner().invoke(app, ["map", "--check", str(older)])

    assert done.stdout.splitlines() == ["-flowchart TD", "+flowchart LR"]


async def tables_in(url: str, schema: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", schema)
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


def test_the_tables_on_the_map_are_those_of_the_database(migrated_databases: MigratedDatabases) -> None:
    assembly, _routes = compose(HostSettings(contexts=CONTEXTS))
    histories = {each.name: (each.loaded.call("migrations"),) for each in assembly.contexts}
    with migrated_databases.copy(**histories, bare=()) as address:
        url = address.url.set(drivername="postgresql").render_as_string(hide_password=False)
        found = {schema: asyncio.run(tables_in(url, schema)) for schema in (*CONTEXTS, "bare")}

    of_every_context = found.pop("bare") | {"alembic_version"}
    assert len(of_every_context) > 1, "the search is blind"
    assert {name: tables - of_every_context for name, tables in found.items()} == {
        context.name: set(tables_of(context)) for context in assembly.contexts
    }
