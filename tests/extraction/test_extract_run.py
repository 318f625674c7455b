"""`hedgerow extract`: what it demands before it begins, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg
import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.laboratory.two_clusters import Moving, moving, rows, value
from tests.extraction.laboratory.writers import Writers
from tests.faults.laboratory.servers import plain_url


async def said_by(move: Moving, verb: str, *arguments: str, to: DatabaseAddress | None = None) -> tuple[int, str]:
    """How a run ended, and what it said."""
    named = ("--to", plain_url(to)) if to else ()
    process = move.bench.supervisor.start("extract", verb, "source", *named, *arguments)
    return process.wait(60.0), process.output


async def test_a_move_goes_through_all_its_stages(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path, seed: int
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        old_host = move.bench.supervisor.worker()
        writers = Writers(laboratory_database, target, seed)
        async with writers.writing():
            await writers.some(20)
            first = await move.run("shadow")
            assert "--through switch --new-host" in first.output
            await move.start_new_host()
            await move.run("switch")
            await writers.at_the_target(20)
            code, said = await said_by(move, "run", "--through", "verify", to=target)
            assert code == 1
            assert "no host serves it at the source any more" in said
            old_host.end()
            await value(target, "SELECT source.report_feed_position('sink.note_mark', '1')")
            code, said = await said_by(move, "run", "--through", "verify", to=target)
            assert code == 0, said
            code, said = await said_by(move, "run", "--through", "retire", to=target)
            assert (code, "say --yes" in said) == (2, True)
            archive = tmp_path / "archive"
            code, said = await said_by(
                move, "run", "--through", "retire", "--yes", "--archive", str(archive), to=target
            )
            assert code == 0, said
        assert await move.judged(target, writers) == ""

    assert (archive / "marks.csv").is_file()
    traces = "SELECT nspname FROM pg_namespace WHERE nspname IN ('source', 'hedgerow_extraction')"
    assert await rows(laboratory_database, traces) == []
    assert [row[0] for row in await rows(target, traces)] == ["source"]
    assert await value(target, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'hedgerow%'") == 0
    assert await value(target, "SELECT action FROM source.audit_entries") == "extraction.retired"


async def test_two_movers_exclude_each_other(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        await move.run("prepare")
        first = move.extract("run", "--follow")
        first.wait_for("follows until Ctrl-C")
        code, said = await said_by(move, "run", to=target)
        assert code == 1
        assert "source is being moved already: session" in said
        first.end()
        assert (await said_by(move, "run", to=target))[0] == 0


async def test_status_says_how_far_a_move_is_and_who_takes_writes(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path, seed: int
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        code, said = await said_by(move, "status")
        assert (code, "no move of source is under way" in said) == (2, True)
        await move.run("copy")
        async with Writers(laboratory_database, target, seed).writing() as writers:
            await writers.some(5)
        code, said = await said_by(move, "status", "--json", to=target)
        told = json.loads(said)
        assert (told["finished"], told["at_source"], told["at_target"]) == (
            "copy",
            "takes writes",
            "takes no writes",
        )
        assert told["waiting"] > 0


async def test_a_target_that_is_no_other_database_or_not_empty_is_refused(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path, seed: int
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        code, said = await said_by(move, "run", to=laboratory_database)
        assert (code, "is the database that the context lies in" in said) == (2, True)
        await move.run("prepare")
        await rows(laboratory_database, "DELETE FROM hedgerow_extraction.moves")
        code, said = await said_by(move, "run", to=target)
        assert (code, "belongs to another move of source" in said) == (1, True)
        await rows(target, "DROP SCHEMA hedgerow_extraction CASCADE")
        await rows(target, "DROP SCHEMA source CASCADE")
        await rows(target, "CREATE SCHEMA source")
        await rows(target, "CREATE TABLE source.outbox AS SELECT 1")
        code, said = await said_by(move, "run", to=target)
        assert (code, "there are rows in outbox" in said) == (1, True)


async def test_who_may_not_write_rows_as_they_were_is_told_what_to_grant(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    owner = f"plain_{target.url.database}"
    for statement in (
        f"CREATE ROLE {owner} LOGIN CREATEROLE",
        f"ALTER DATABASE {target.url.database} OWNER TO {owner}",
    ):
        await rows(target, statement)
    plain = DatabaseAddress(target.url.set(username=owner))
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        code, said = await said_by(move, "run", to=plain)
        assert (code, "GRANT SET ON PARAMETER session_replication_role" in said) == (1, True)
        await rows(target, f"GRANT SET ON PARAMETER session_replication_role TO {owner}")
        code, said = await said_by(move, "run", "--through", "copy", to=plain)
        assert code == 0, said


async def test_a_migration_waits_until_the_context_has_moved(
    laboratory_database: DatabaseAddress, target: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    async with moving(laboratory_database, target, redis_url, tmp_path) as move:
        await move.run("prepare")
        with pytest.raises(asyncpg.PostgresError, match="source is moving"):
            await rows(laboratory_database, "UPDATE source.alembic_version SET version_num = 'source_0002'")
        assert await value(laboratory_database, "SELECT count(*) FROM source.outbox_ranges") == 2
        with pytest.raises(asyncpg.LockNotAvailableError):
            await rows(laboratory_database, "SELECT source.cut_outbox()")
