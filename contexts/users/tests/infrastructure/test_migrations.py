"""Migrations keep what people have, and drop what lay in the clear; each can be taken back and applied again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.domain import new_id
from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import ContextMigrations, DatabaseAddress, MigrationRunner
from hedgerow_core.persistence.migrations.linting import unsafe_statements
from hedgerow_core.testing import Stairway
from hedgerow_users import plugin
from hedgerow_users.infrastructure.tables import metadata

HISTORY = plugin.migrations()


@pytest.fixture
async def runner(fresh_database: DatabaseAddress) -> MigrationRunner:
    runner = MigrationRunner(fresh_database, [ContextMigrations("users", [LEDGER, HISTORY])])
    await runner.apply()
    return runner


@pytest.fixture
async def engine(fresh_database: DatabaseAddress) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(fresh_database.url, poolclass=NullPool)
    yield engine
    await engine.dispose()


@pytest.fixture
def stairway(fresh_database: DatabaseAddress) -> Stairway:
    return Stairway(fresh_database, "users", HISTORY)


async def test_sessions_survive_and_keys_in_the_clear_do_not(
    runner: MigrationRunner, stairway: Stairway, engine: AsyncEngine
) -> None:
    account, session = new_id(), new_id()
    await stairway.down_to("users_0001")
    async with engine.connect() as connection:
        for statement in (
            f"INSERT INTO users.accounts VALUES ('{account}', 'a@example.org', 'Ada', 'x', '{{user}}', now(), 1)",
            f"INSERT INTO users.sessions (id, account_id, started_at) VALUES ('{session}', '{account}', now())",
            "INSERT INTO users.signing_keys (kid, private_key, created_at) VALUES ('k1', 'in the clear', now())",
        ):
            await connection.execute(text(statement))
        await connection.commit()

    applied = await runner.apply()

    assert [step.revision for step in applied] == [
        "users_0002",
        "users_0003",
        "users_0004",
        "users_0005",
        "users_0006",
        "users_0007",
        "users_0008",
        "users_0009",
    ]
    async with engine.connect() as connection:
        kept = (await connection.execute(text("SELECT id, user_agent, last_seen_at FROM users.sessions"))).one()
        keys = (await connection.execute(text("SELECT count(*) FROM users.signing_keys"))).scalar_one()
        assert (kept.id, kept.user_agent, keys) == (session, "", 0)
        assert kept.last_seen_at is not None
        ended = "UPDATE users.sessions SET ended_at = now(), end_reason = 'revoked'"
        await connection.execute(text(ended))
        await connection.commit()
        await stairway.down_to("users_0001")
        reason = (await connection.execute(text("SELECT end_reason FROM users.sessions"))).scalar_one()
    assert reason == "logout"
    assert len(await runner.apply()) == len(applied)


@pytest.mark.parametrize(
    ("reason", "kept"), [("roles_changed", "logout"), ("revoked", "revoked"), ("second_factor_changed", "revoked")]
)
async def test_without_profiles_accounts_and_sessions_stay(
    runner: MigrationRunner, stairway: Stairway, engine: AsyncEngine, reason: str, kept: str
) -> None:
    async with engine.connect() as connection:
        for statement in (
            "INSERT INTO users.accounts (id, email, name, roles, created_at, version)"
            " VALUES (gen_random_uuid(), 'ada@example.org', 'Ada', '{user}', now(), 1)",
            "INSERT INTO users.sessions (id, account_id, started_at, ended_at, end_reason)"
            f" SELECT gen_random_uuid(), id, now(), now(), '{reason}' FROM users.accounts",
        ):
            await connection.execute(text(statement))
        await connection.commit()
        await stairway.down_to("users_0002")
        before = (await connection.execute(text("SELECT name, password_hash FROM users.accounts"))).one()

    await runner.apply()

    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT a.status, s.end_reason FROM users.accounts a, users.sessions s")
        )
        after = rows.one()
    assert (tuple(before), tuple(after)) == (("Ada", ""), ("active", kept))


async def test_every_step_can_be_taken_back_and_the_tables_are_as_declared(stairway: Stairway) -> None:
    await stairway.climb(metadata)


def test_what_a_running_host_would_feel_is_meant() -> None:
    assert [each for each in unsafe_statements(HISTORY) if each.meant is None] == []
