"""What somebody has changed in a schema by hand is found and named; what a host does there while it runs is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.migrations.scratch import PREFIX
from hedgerow_core.testing.servers import database_for_test, run_sql
from hedgerow_host.checks.database import look_at_database
from hedgerow_host.discovery import load_contexts
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import runner_for

Install = Callable[..., None]
Plant = Callable[..., list[LoadedContext]]
MIGRATIONS = """
from hedgerow_core.persistence import MigrationHistory
@hookimpl
def migrations():
    return MigrationHistory("try_garden.migrations")
"""
REVISION = """
'''plants'''
from alembic import op
revision, down_revision, branch_labels, depends_on = "garden_0001", None, None, None
def upgrade():
    op.execute("CREATE TABLE plants (id int PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now())")
    op.execute("CREATE INDEX plants_by_name ON plants (name)")
    op.execute("CREATE VIEW named AS SELECT name FROM plants")
    {more}
"""


@pytest.fixture
def plant_garden(install: Install) -> Plant:
    """Installs a context with one table; `more` is what else its revision does."""

    def plant(more: str = "pass") -> list[LoadedContext]:
        files = {
            "migrations/__init__.py": "",
            "migrations/versions/0001_plants.py": REVISION.format(more=more),
        }
        install("garden", MIGRATIONS, files=files)
        return load_contexts(["garden"])

    return plant


@pytest.fixture(scope="module")
def template(postgres_server: DatabaseAddress) -> Iterator[DatabaseAddress]:
    """Where the garden is migrated; tests have copies."""
    with database_for_test(postgres_server) as address:
        yield address


@pytest.fixture
def garden(plant_garden: Plant, template: DatabaseAddress) -> list[LoadedContext]:
    """The same, migrated."""
    contexts = plant_garden()
    asyncio.run(runner_for(template, contexts).apply())
    return contexts


@pytest.fixture
def database(
    garden: list[LoadedContext], template: DatabaseAddress, postgres_server: DatabaseAddress
) -> Iterator[DatabaseAddress]:
    with database_for_test(postgres_server, template=str(template.url.database)) as address:
        yield address


def test_what_migrations_have_made_is_no_drift(garden: list[LoadedContext], database: DatabaseAddress) -> None:
    assert look_at_database(database, garden) == []


@pytest.mark.parametrize(
    ("by_hand", "named", "told"),
    [
        ("ALTER TABLE garden.plants ADD colour text", "column plants.colour", "no migration makes it"),
        ("DROP INDEX garden.plants_by_name", "index plants_by_name", "is not in the database"),
        ("ALTER TABLE garden.plants ALTER name DROP NOT NULL", "column plants.name", "make it text NOT NULL"),
        ("ALTER TABLE garden.plants ALTER at DROP DEFAULT", "column plants.at", "is timestamp with time zone, and"),
        ("ALTER TABLE garden.plants ADD CHECK (id > 0)", "constraint plants.plants_id_check", "no migration"),
        ("CREATE TABLE garden.weeds (id int PRIMARY KEY)", "table weeds", "no migration makes it"),
        ("ALTER TABLE garden.plants SET UNLOGGED", "table plants", "is UNLOGGED, and the migrations make it plain"),
        ("CREATE OR REPLACE VIEW garden.named AS SELECT name || '' AS name FROM garden.plants", "view named", ""),
        ("DROP TABLE garden.plants CASCADE", "table plants", "is not in the database"),
        (
            "ALTER TABLE garden.audit_entries DISABLE TRIGGER audit_is_append_only",
            "trigger audit_entries.audit_is_append_only",
            "is not as the migrations make it",
        ),
        ("DROP FUNCTION garden.cut_outbox", "function cut_outbox()", "is not in the database"),
    ],
)
def test_what_was_changed_by_hand_is_named(
    garden: list[LoadedContext], database: DatabaseAddress, by_hand: str, named: str, told: str
) -> None:
    run_sql(database, by_hand)
    found = look_at_database(database, garden)

    assert {one.id for one in found} == {"garden.E008"}
    assert named in [one.subject for one in found]
    assert told in next(one.what for one in found if one.subject == named)


def test_what_a_host_does_while_it_runs_is_no_drift(garden: list[LoadedContext], database: DatabaseAddress) -> None:
    run_sql(
        database,
        "SELECT setval('garden.outbox_id_seq', 15000)",
        "SELECT garden.cut_outbox()",
        "INSERT INTO garden.plants VALUES (1, 'rose')",
    )
    assert look_at_database(database, garden) == []


def test_nothing_is_left_of_the_database_that_was_compared_with(
    garden: list[LoadedContext], database: DatabaseAddress
) -> None:
    look_at_database(database, garden)

    left = f"SELECT 1 / count(*) FROM pg_database WHERE datname LIKE '{PREFIX}%'"
    with pytest.raises(Exception, match="division by zero"):
        run_sql(database, left)


def test_migrations_that_run_only_where_they_have_run_before_are_told(
    plant_garden: Plant, fresh_database: DatabaseAddress
) -> None:
    contexts = plant_garden('op.execute("UPDATE public.seeds SET n = 1")')
    run_sql(fresh_database, "CREATE TABLE public.seeds (n int)")
    asyncio.run(runner_for(fresh_database, contexts).apply())

    (found,) = look_at_database(fresh_database, contexts)

    assert (found.id, "garden_0001 of garden failed" in found.what) == ("garden.W005", True)


def test_a_user_who_may_create_no_database_hears_that_nobody_has_looked(
    garden: list[LoadedContext], database: DatabaseAddress
) -> None:
    name = f"{database.url.database}_modest"
    run_sql(
        database,
        f"CREATE ROLE {name} LOGIN PASSWORD 'pass'",
        f"GRANT hedgerow_garden TO {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA garden TO {name}",
        f"GRANT USAGE ON SCHEMA garden TO {name}",
    )
    try:
        modest = DatabaseAddress(database.url.set(username=name, password="pass"))
        found = look_at_database(modest, garden)
    finally:
        run_sql(database, f"DROP OWNED BY {name}", f"DROP ROLE {name}")

    assert [(one.id, one.subject) for one in found] == [("host.N003", "drift")]


def test_a_schema_that_a_newer_release_has_migrated_is_left_alone(
    garden: list[LoadedContext], database: DatabaseAddress
) -> None:
    run_sql(
        database,
        "UPDATE garden.alembic_version SET version_num = 'garden_0002'",
        "ALTER TABLE garden.plants ADD colour text",
    )
    assert look_at_database(database, garden) == []
