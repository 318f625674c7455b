"""The border between contexts inside PostgreSQL: a role each, where the server allows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from hedgerow_core.persistence import Database, DatabaseAddress, Isolation
from hedgerow_core.testing.servers import postgres_for_tests, run_sql
from hedgerow_host.checks.database import look_at_database
from hedgerow_host.discovery import load_contexts
from tests.conftest import NO_MAIL, Production, url_of
from tests.processes import run
from tests.story import expect, play, sign_up

FOREIGN_TABLES = ["accounts", "sessions", "refresh_tokens", "signing_keys", "deliveries", "feed_cursors"]
MAY_READ = text("SELECT has_table_privilege(:table, 'SELECT') OR has_any_column_privilege(:table, 'SELECT')")


@asynccontextmanager
async def billing_on(production: Production, isolation: Isolation):  # type: ignore[no-untyped-def]
    database = Database(
        DatabaseAddress.parse(production.environment["HEDGEROW_DATABASE_URL"]), "billing", isolation=isolation
    )
    yield database
    await database.close()


@pytest.mark.parametrize("table", FOREIGN_TABLES)
async def test_billings_connection_cannot_read_users_tables(shared_production: Production, table: str) -> None:
    async with billing_on(shared_production, Isolation.ROLE) as billing:
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with billing.reading() as connection:
                await connection.execute(text(f"SELECT * FROM users.{table}"))


@pytest.mark.parametrize("statement", ["INSERT INTO users.outbox DEFAULT VALUES", "DELETE FROM users.accounts"])
async def test_billings_connection_cannot_write_there_either(shared_production: Production, statement: str) -> None:
    async with billing_on(shared_production, Isolation.ROLE) as billing:
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with billing.transaction() as connection:
                await connection.execute(text(statement))


async def test_it_is_the_role_that_forbids_it(shared_production: Production) -> None:
    async with billing_on(shared_production, Isolation.SCHEMA) as billing, billing.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM users.accounts"))).scalar_one() >= 0


async def test_no_table_of_users_but_its_feed_is_readable_by_billing(shared_production: Production) -> None:
    async with billing_on(shared_production, Isolation.ROLE) as billing, billing.reading() as connection:
        tables = await connection.execute(
            text(
                "SELECT c.relname FROM pg_class c WHERE relkind IN ('r', 'p', 'v') "
                "AND relnamespace = 'users'::regnamespace"
            )
        )
        readable = [
            name
            for name in tables.scalars()
            if (await connection.execute(MAY_READ, {"table": f"users.{name}"})).scalar_one()
        ]

    assert readable == ["outbox"]


@pytest.fixture
def modest_database(postgres_server: DatabaseAddress) -> Iterator[DatabaseAddress]:
    """A database whose owner may create schemas and tables, but no roles: as some hosted databases have it."""
    name = f"modest_{uuid4().hex[:12]}"
    run_sql(postgres_server, f"CREATE ROLE {name} LOGIN PASSWORD 'pass'", f"CREATE DATABASE {name} OWNER {name}")
    yield DatabaseAddress(postgres_server.url.set(database=name, username=name, password="pass"))
    run_sql(postgres_server, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")


def test_a_user_who_may_create_roles_but_is_no_superuser_gets_them(tmp_path: Path) -> None:
    """As hosted databases have it. Roles belong to the cluster, so this takes a server of its own."""
    with TemporaryDirectory(prefix="hedgerow-") as folder, postgres_for_tests(Path(folder)) as server:
        run_sql(server, "CREATE ROLE landlord LOGIN CREATEROLE", "CREATE DATABASE farm OWNER landlord")
        address = DatabaseAddress(server.url.set(database="farm", username="landlord"))
        environment = {"HEDGEROW_DATABASE_URL": url_of(address), "USERS_SMTP_URL": NO_MAIL}
        production = Production(tmp_path, environment)
        migrated = run("migrate", folder=tmp_path, environment=production.environment)
        assert migrated.returncode == 0, migrated.stderr
        with production.api() as (api, client):
            expect(sign_up(client).get("/v1/users/me"), 200)

            assert "no_role" not in api.output


def test_where_no_role_may_be_created_the_host_works_and_says_what_is_lost(
    modest_database: DatabaseAddress, redis_url: str, tmp_path: Path
) -> None:
    environment = {
        "HEDGEROW_DATABASE_URL": url_of(modest_database),
        "HEDGEROW_BROKER_URL": redis_url,
        "USERS_SMTP_URL": NO_MAIL,
    }
    production = Production(tmp_path, environment)

    migrated = run("migrate", folder=tmp_path, environment=environment)
    assert migrated.returncode == 0, migrated.stderr
    said = look_at_database(modest_database, load_contexts(["users", "billing"]))
    assert [one.id for one in said] == ["users.W004", "billing.W004", "host.N003"]
    with production.api() as (api, client), production.worker():
        play(client)

        assert api.output.count("no_role") >= 2
