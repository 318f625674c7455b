"""Migrations run once, in order, whoever starts first; roles keep the contexts apart."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import (
    ContextMigrations,
    Database,
    DatabaseAddress,
    MigrationHistory,
    MigrationRunner,
)

SHOP = ContextMigrations("shop", [LEDGER])
REVISIONS = [f"ledger_000{nth}" for nth in range(1, 7)]


async def test_a_fresh_database_lacks_everything_and_a_migrated_one_nothing(
    fresh_database: DatabaseAddress,
) -> None:
    runner = MigrationRunner(fresh_database, [SHOP])

    planned = await runner.pending()
    applied = await runner.apply()

    assert [step.revision for step in planned] == REVISIONS
    assert applied == planned
    assert await runner.pending() == []
    assert await runner.apply() == []


async def test_a_history_without_a_revision_yet_is_fine(
    fresh_database: DatabaseAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "try_empty_history" / "versions").mkdir(parents=True)
    (tmp_path / "try_empty_history" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    histories = [LEDGER, MigrationHistory("try_empty_history")]

    applied = await MigrationRunner(fresh_database, [ContextMigrations("shop", histories)]).apply()

    assert [step.revision for step in applied] == REVISIONS


async def test_a_database_that_is_ahead_of_this_build_has_nothing_pending(
    shop_and_books: DatabaseAddress, shop: Database
) -> None:
    async with shop.engine.connect() as newer_build:
        await newer_build.execute(text("SET ROLE NONE"))
        await newer_build.execute(text("UPDATE ledger_version SET version_num = 'ledger_9999'"))
        await newer_build.commit()

    assert await MigrationRunner(shop_and_books, [SHOP]).pending() == []


async def test_hosts_that_start_at_once_migrate_once(fresh_database: DatabaseAddress) -> None:
    runners = [MigrationRunner(fresh_database, [SHOP]) for _ in range(4)]

    applied = await asyncio.gather(*(runner.apply() for runner in runners))

    assert sorted(len(steps) for steps in applied) == [0, 0, 0, len(REVISIONS)]


async def test_a_database_that_is_away_is_unavailable_and_named_without_its_password() -> None:
    nowhere = DatabaseAddress.parse("postgresql://me:hush@127.0.0.1:1/shop")

    with pytest.raises(UnavailableError) as caught:
        await MigrationRunner(nowhere, [SHOP]).pending()

    assert caught.value.code == "database_away"
    assert str(nowhere) == "postgresql://me:***@127.0.0.1:1/shop"


async def test_a_context_cannot_read_foreign_tables_only_the_foreign_feed(shop: Database, books: Database) -> None:
    async with books.reading() as connection:
        feed = await connection.execute(text("SELECT count(*) FROM shop.outbox"))
        assert feed.scalar_one() == 0

    with pytest.raises(ProgrammingError, match="permission denied for table deliveries"):
        async with books.reading() as connection:
            await connection.execute(text("SELECT * FROM shop.deliveries"))


async def test_a_context_cannot_rewrite_what_it_published(shop: Database) -> None:
    with pytest.raises(ProgrammingError, match="permission denied for table outbox"):
        async with shop.transaction() as connection:
            await connection.execute(text("DELETE FROM outbox"))


async def test_a_migration_takes_back_what_a_restore_without_rights_has_opened(
    shop_and_books: DatabaseAddress, shop: Database, books: Database
) -> None:
    async def forget() -> None:
        async with books.transaction() as connection:
            await connection.execute(text("SELECT shop.forget_audit('400 days', 1)"))

    async with shop.engine.connect() as owner:
        await owner.execute(text("SET ROLE NONE"))
        await owner.execute(text("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA shop TO PUBLIC"))
        await owner.commit()
    await forget()

    assert await MigrationRunner(shop_and_books, [SHOP]).apply() == []

    with pytest.raises(ProgrammingError, match="permission denied for function forget_audit"):
        await forget()
