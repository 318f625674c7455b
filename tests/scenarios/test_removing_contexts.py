"""`hedgerow contexts remove`: nobody loses what they need, and what is dropped is in the archive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import asyncpg
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.conftest import url_of
from tests.garden import GARDEN, install_garden
from tests.processes import run, running

HARD_TO_WRITE = 'Rosa "Ghislaine\nde Féligonde", 3 m'
Query = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def sql(fresh_database: DatabaseAddress) -> Query:
    """`sql("SELECT …", parameters)`: looks past the code under test."""

    def sql(statement: str, *parameters: object) -> list[tuple[object, ...]]:
        async def ask() -> list[tuple[object, ...]]:
            connection = await asyncpg.connect(url_of(fresh_database))
            try:
                return [tuple(row) for row in await connection.fetch(statement, *parameters)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    return sql


@pytest.fixture
def hedgerow(fresh_database: DatabaseAddress, tmp_path: Path, sql: Query) -> Callable[..., CompletedProcess[str]]:
    """Types verbs in a host of `garden`, which has a row that is hard to write down."""
    install_garden(tmp_path / "installed", GARDEN)
    environment = {
        "HEDGEROW_DATABASE_URL": url_of(fresh_database),
        "HEDGEROW_CONTEXTS": "garden",
        "PYTHONPATH": str(tmp_path / "installed"),
    }

    def hedgerow(*arguments: str) -> CompletedProcess[str]:
        return run(*arguments, folder=tmp_path, environment=environment)

    migrated = hedgerow("migrate")
    assert migrated.returncode == 0, migrated.stderr
    sql("CREATE TABLE garden.plants (id integer, name text)")
    sql("INSERT INTO garden.plants VALUES (1, $1), (2, NULL)", HARD_TO_WRITE)
    return hedgerow


def schemas(sql: Query) -> set[object]:
    return {name for (name,) in sql("SELECT nspname FROM pg_namespace")}


def test_a_plan_is_shown_while_a_host_runs_and_says_that_it_is_in_the_way(
    hedgerow: Callable[..., CompletedProcess[str]], fresh_database: DatabaseAddress, tmp_path: Path
) -> None:
    environment = {
        "HEDGEROW_DATABASE_URL": url_of(fresh_database),
        "HEDGEROW_CONTEXTS": "garden",
        "PYTHONPATH": str(tmp_path / "installed"),
    }
    with running("api", "--port", "0", folder=tmp_path, environment=environment) as api:
        api.wait_for("api_ready")
        planned = hedgerow("contexts", "remove", "garden", "--plan")
        refused = hedgerow("contexts", "remove", "garden", "--yes")
        api.end()

    assert planned.returncode == 0, planned.stderr
    assert "plants.csv  2 rows" in planned.stdout
    assert "running hosts use garden" in planned.stderr
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "running hosts use garden" in refused.stderr


def test_what_is_dropped_is_in_the_archive(
    hedgerow: Callable[..., CompletedProcess[str]], sql: Query, tmp_path: Path, fresh_database: DatabaseAddress
) -> None:
    planned = hedgerow("contexts", "remove", "garden", "--plan", "--json")
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert (plan["removed"], plan["tables"]["plants"], plan["tables"]["outbox"]) == (False, 2, 0)
    assert not Path(tmp_path, plan["archive"]).exists()
    assert "garden" in schemas(sql)

    removed = hedgerow("contexts", "remove", "garden", "--archive", "kept", "--yes", "--json")

    assert removed.returncode == 0, removed.stderr
    told = json.loads(removed.stdout)
    assert told["tables"] == plan["tables"]
    assert told["next"] == "uv remove garden"
    assert "role hedgerow_garden" in told["role"]
    assert "garden" not in schemas(sql)
    assert {path.stem for path in (tmp_path / "kept").glob("*.csv")} == told["tables"].keys()

    async def restored() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url_of(fresh_database))
        await connection.execute("CREATE TABLE plants (id integer, name text)")
        await connection.copy_to_table("plants", source=tmp_path / "kept/plants.csv", format="csv", header=True)
        rows = await connection.fetch("SELECT * FROM plants ORDER BY id")
        await connection.close()
        return [tuple(row) for row in rows]

    assert asyncio.run(restored()) == [(1, HARD_TO_WRITE), (2, None)]
    again = hedgerow("contexts", "remove", "garden", "--yes")
    assert (again.returncode, "there is no schema garden" in again.stderr) == (1, True)


def test_nothing_is_dropped_that_is_not_archived_or_in_use(
    hedgerow: Callable[..., CompletedProcess[str]], sql: Query, tmp_path: Path, fresh_database: DatabaseAddress
) -> None:
    (tmp_path / "kept").mkdir()
    full = hedgerow("contexts", "remove", "garden", "--archive", "kept", "--yes")
    assert (full.returncode, "is there already" in full.stderr) == (2, True)

    sql("CREATE SCHEMA meadow")
    foreign = hedgerow("contexts", "remove", "meadow", "--yes")
    assert (foreign.returncode, "belongs to no context" in foreign.stderr) == (1, True)

    async def while_a_host_runs() -> CompletedProcess[str]:
        settings = {"application_name": "hedgerow/garden"}
        connection = await asyncpg.connect(url_of(fresh_database), server_settings=settings)
        try:
            return await asyncio.to_thread(hedgerow, "contexts", "remove", "garden", "--yes")
        finally:
            await connection.close()

    used = asyncio.run(while_a_host_runs())
    assert (used.returncode, "running hosts use garden" in used.stderr) == (1, True)

    unasked = hedgerow("contexts", "remove", "garden")
    assert unasked.returncode == 1, "there is nobody to ask"
    assert {"garden", "meadow"} <= schemas(sql)


def test_a_context_that_others_depend_on_stays(fresh_database: DatabaseAddress, tmp_path: Path) -> None:
    environment = {"HEDGEROW_DATABASE_URL": url_of(fresh_database), "USERS_SMTP_URL": "smtp://127.0.0.1:9"}

    refused = run("contexts", "remove", "users", "--yes", folder=tmp_path, environment=environment)

    assert refused.returncode == 1
    assert "billing hears users.user_registered through billing.copy_registered_user" in refused.stderr
    assert "fix: delete the subscription" in refused.stderr
