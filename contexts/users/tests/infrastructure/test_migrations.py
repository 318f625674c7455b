"""The way back: what the latest migration added can be taken away again, with rows in place."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from hedgerow_core.persistence import Database, DatabaseAddress

Rows = Callable[..., Awaitable[Any]]
LATEST = importlib.import_module("hedgerow_users.infrastructure.migrations.versions.0002_profiles_and_links")


def down(connection: Connection) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        LATEST.downgrade()


def up(connection: Connection) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        LATEST.upgrade()


async def test_down_and_up_again_keeps_accounts_and_sessions(
    database: Database, rows: Rows, fresh_database: DatabaseAddress
) -> None:
    await rows(
        """
        INSERT INTO accounts (id, email, name, roles, created_at, version)
        VALUES (gen_random_uuid(), 'ada@example.org', 'Ada', ARRAY['user'], now(), 1)
        """
    )
    await rows(
        """
        INSERT INTO sessions (id, account_id, started_at, ended_at, end_reason)
        SELECT gen_random_uuid(), id, now(), now(), 'roles_changed' FROM accounts
        """
    )
    engine = create_async_engine(fresh_database.url)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL search_path = users"))
        await connection.run_sync(down)
        before = (await connection.execute(text("SELECT name, password_hash FROM accounts"))).one()
        await connection.run_sync(up)
    await engine.dispose()
    assert tuple(before) == ("Ada", "")
    assert await rows("SELECT a.status, s.end_reason FROM accounts a, sessions s") == [("active", "logout")]
