"""What a plan finds in the database: what binds the schema, what cannot be carried, what is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.servers import database_for_test, run_sql
from hedgerow_host.discovery import load_contexts
from hedgerow_host.extraction.plan.database import InDatabase, look_at_database
from hedgerow_host.extraction.plan.obstacles import KINDS, Weight
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import runner_for
from host.tests.extraction.seeded import IN_DATABASE, SEEDED_IN_DATABASE

Install = Callable[..., None]
Found = set[tuple[str, str | None]]


@pytest.fixture
def contexts(install: Install) -> list[LoadedContext]:
    install("garden", "")
    install("market", "")
    return load_contexts(["garden", "market"])


@pytest.fixture
def database(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    """Both contexts migrated, with tables of their own, and nothing between them."""
    with migrated_databases.copy(garden=(), market=()) as address:
        run_sql(address, "CREATE EXTENSION vector SCHEMA public", *IN_DATABASE)
        yield address


@pytest.fixture
def target(postgres_server: DatabaseAddress) -> Iterator[DatabaseAddress]:
    with database_for_test(postgres_server) as address:
        yield address


def look(address: DatabaseAddress, context: LoadedContext, target: DatabaseAddress | None = None) -> InDatabase:
    return asyncio.run(look_at_database(address, context, target))


def blockers(found: InDatabase) -> Found:
    return {(one.kind, one.object) for one in found.obstacles if one.weight is Weight.BLOCKER}


def test_contexts_that_keep_apart_are_free_to_go(database: DatabaseAddress, contexts: list[LoadedContext]) -> None:
    for context in contexts:
        assert blockers(look(database, context)) == set()


@pytest.mark.parametrize("statement", SEEDED_IN_DATABASE)
def test_each_thing_that_binds_or_cannot_be_carried_is_found_at_its_object(
    database: DatabaseAddress, contexts: list[LoadedContext], statement: str
) -> None:
    run_sql(database, statement)

    assert blockers(look(database, contexts[0])) == {SEEDED_IN_DATABASE[statement]}


def test_all_of_them_together_are_found_together(database: DatabaseAddress, contexts: list[LoadedContext]) -> None:
    run_sql(database, *SEEDED_IN_DATABASE)

    assert blockers(look(database, contexts[0])) == set(SEEDED_IN_DATABASE.values())


def test_the_other_one_is_bound_by_what_leads_to_it(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    run_sql(database, *SEEDED_IN_DATABASE)

    between = ("foreign_table_in_database", "foreign_right")
    found = blockers(look(database, contexts[1]))

    assert {kind for kind, _object in found} == set(between)
    assert found == {one for one in SEEDED_IN_DATABASE.values() if one[0] in between}


def test_a_role_that_is_a_member_of_anothers_is_found(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    run_sql(database, "GRANT hedgerow_market TO hedgerow_garden")  # of the whole server
    try:
        found = look(database, contexts[0])
    finally:
        run_sql(database, "REVOKE hedgerow_market FROM hedgerow_garden")

    assert blockers(found) == {("foreign_right", "role hedgerow_garden")}


def test_whoever_does_not_own_the_tables_cannot_move_them(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    name = f"{database.url.database}_serving"
    run_sql(database, f"CREATE ROLE {name} LOGIN PASSWORD 'pass' IN ROLE hedgerow_garden")
    try:
        serving = DatabaseAddress(database.url.set(username=name, password="pass"))
        found = blockers(look(serving, contexts[0]))
    finally:
        run_sql(database, f"DROP ROLE {name}")

    assert ("not_ours", "table garden.beds") in found
    assert {kind for kind, _object in found} == {"not_ours"}


def test_what_a_move_that_is_under_way_has_put_there_is_none_of_it(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    in_schema = (
        "CREATE SCHEMA {schema}",
        "CREATE FUNCTION {schema}.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER {schema}_note AFTER INSERT ON garden.beds EXECUTE FUNCTION {schema}.note()",
    )
    run_sql(database, *(each.format(schema="hedgerow_extraction") for each in in_schema))
    assert blockers(look(database, contexts[0])) == set()

    run_sql(database, *(each.format(schema="elsewhere") for each in in_schema))
    assert blockers(look(database, contexts[0])) == {("outside_schema", "trigger elsewhere_note on garden.beds")}


@pytest.mark.parametrize("whom", ["hedgerow_contexts", "PUBLIC"])
def test_a_right_that_all_contexts_hold_is_one_of_this_context(
    database: DatabaseAddress, contexts: list[LoadedContext], whom: str
) -> None:
    run_sql(database, f"GRANT SELECT ON market.stalls TO {whom}")

    for context in contexts:
        assert blockers(look(database, context)) == {("foreign_right", "table market.stalls")}


def test_a_table_without_a_primary_key_is_fine_with_a_unique_key_that_is_never_null(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    run_sql(database, "CREATE TABLE garden.tools (name text NOT NULL UNIQUE)")

    assert blockers(look(database, contexts[0])) == set()


def test_sizes_are_told_by_table_and_parts_count_for_their_table(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    run_sql(
        database,
        "INSERT INTO garden.beds SELECT n, n FROM generate_series(1, 5000) n",
        "ANALYZE garden.beds",
    )

    sizes = {table.name: table for table in look(database, contexts[0]).tables}

    assert sizes["beds"].rows == 5000
    assert sizes["beds"].bytes > 5000 * 2 * 4
    assert sizes["rows"].rows is None
    assert sizes["outbox"].bytes > 0
    assert not [name for name in sizes if name.startswith("outbox_") and name.removeprefix("outbox_").isdigit()]


def test_deliveries_that_are_not_done_are_counted_and_dead_ones_are_a_caution(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    one = (
        "INSERT INTO garden.deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,"
        " version, payload, occurred_at, state)"
        " SELECT gen_random_uuid(), 'garden.note', 'market', 1, 'k', 1, 'market.x', 1, '{}', now(), state"
        " FROM unnest(ARRAY['pending', 'dead', 'dead', 'completed']) state"
    )
    run_sql(database, one)

    found = look(database, contexts[0])

    assert found.deliveries == {"dead": 2, "pending": 1}
    assert [(each.kind, each.what) for each in found.obstacles] == [("dead_deliveries", "2 dead deliveries")]


def test_pending_migrations_block_and_without_a_schema_the_rest_is_not_looked_at(
    fresh_database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    found = look(fresh_database, contexts[0])

    assert [(each.kind, each.object) for each in found.obstacles] == [("migrations_pending", "schema garden")]
    assert found.looked_at == {"database": "no schema garden is in it yet"}


# Where it is to go


def test_an_empty_database_will_do(
    database: DatabaseAddress, target: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    assert blockers(look(database, contexts[0], target)) == set()


def test_an_extension_that_is_there_already_blocks_nothing(
    database: DatabaseAddress, target: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    run_sql(database, "ALTER TABLE garden.rows ADD place public.vector(3)")
    assert {kind for kind, _object in blockers(look(database, contexts[0], target))} == {"extension"}

    run_sql(target, "CREATE EXTENSION vector SCHEMA public")

    assert blockers(look(database, contexts[0], target)) == set()


def test_the_database_that_it_is_in_is_no_other_one(
    database: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    (found,) = [each for each in look(database, contexts[0], database).obstacles if "is in now" in each.what]

    assert found.kind == "target_unfit"


def test_a_database_in_which_the_context_has_worked_is_refused(
    database: DatabaseAddress, target: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    asyncio.run(runner_for(target, contexts).apply())
    assert blockers(look(database, contexts[0], target)) == set()

    run_sql(
        target,
        "INSERT INTO garden.outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version,"
        " payload, occurred_at) VALUES (gen_random_uuid(), 'garden.x', 1, 'x', gen_random_uuid(), 1, '{}', now())",
    )

    (found,) = look(database, contexts[0], target).obstacles
    assert (found.kind, found.object) == ("target_unfit", f"schema garden in {target}")


def test_whoever_may_neither_create_nor_put_triggers_to_rest_there_hears_what_to_grant(
    database: DatabaseAddress, target: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    name = f"{target.url.database}_modest"
    run_sql(target, f"CREATE ROLE {name} LOGIN PASSWORD 'pass'")
    try:
        modest = DatabaseAddress(target.url.set(username=name, password="pass"))
        fixes = [each.fix for each in look(database, contexts[0], modest).obstacles]
    finally:
        run_sql(target, f"DROP ROLE {name}")

    assert len(fixes) == 3
    assert fixes[0].startswith(f"GRANT CREATE ON DATABASE {target.url.database} TO {name}")
    assert fixes[1] == f"GRANT SET ON PARAMETER session_replication_role TO {name}"
    assert fixes[2].startswith(f"ALTER ROLE {name} CREATEROLE")


def test_a_target_that_lags_behind_must_be_migrated_first(
    database: DatabaseAddress, target: DatabaseAddress, contexts: list[LoadedContext]
) -> None:
    asyncio.run(runner_for(target, contexts).apply())
    run_sql(target, "UPDATE garden.ledger_version SET version_num = 'ledger_0002'")

    (found,) = look(database, contexts[0], target).obstacles

    assert (found.kind, "lags behind" in found.what) == ("migrations_pending", True)


def test_every_kind_says_why_it_matters() -> None:
    assert all(kind.why for kind in KINDS.values())
