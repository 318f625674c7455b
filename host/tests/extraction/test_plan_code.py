"""What a plan finds in the code of contexts: every violation with its line, and nothing beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hedgerow_host.checks.imports import Imports, imports_of
from hedgerow_host.discovery import installed_contexts
from hedgerow_host.extraction.plan.asked_where import ask_sites, chatty
from hedgerow_host.extraction.plan.foreign_routes import foreign_routes
from hedgerow_host.extraction.plan.foreign_tables import foreign_tables
from hedgerow_host.extraction.plan.imports import crossing_imports, unreadable
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sources import Source, sources_of, sql_files_of
from hedgerow_host.extraction.plan.sql_text import lines_of, named_in
from host.tests.extraction.seeded import GARDEN, MARKET, marked, written

Install = Callable[..., None]


def code_of(*names: str) -> tuple[Imports, list[Source]]:
    imports, _unread = imports_of(one for one in installed_contexts() if one.name in names)
    return imports, sources_of(imports.packages)


def found_in_code(context: str, *others: str) -> list[Obstacle]:
    """All that the readers of code say, as `plan_for` puts them together."""
    imports, sources = code_of(context, *others)
    sites = ask_sites(context, sources)
    return [
        *crossing_imports(context, imports, sources),
        *foreign_tables(context, others, [*sources, *sql_files_of(imports.packages)]),
        *foreign_routes(context, others, sources),
        *chatty(sites, sources),
    ]


def places(found: list[Obstacle]) -> list[tuple[str, str, int]]:
    assert all(one.place for one in found)
    return sorted((one.kind, one.place.file.name, one.place.line) for one in found if one.place)


@pytest.fixture
def garden(install: Install) -> None:
    install("market", "", files=written(MARKET))
    install("garden", "", files=written(GARDEN))


@pytest.mark.usefixtures("garden")
def test_every_violation_in_code_is_found_at_its_line_and_nothing_else_is(tmp_path: Path) -> None:
    wanted = marked(tmp_path)

    assert len(wanted) > 20
    assert places(found_in_code("garden", "market")) == wanted


@pytest.mark.usefixtures("garden")
def test_seen_from_the_other_context_it_is_the_same_walls() -> None:
    kinds = ("import", "foreign_table_in_code")
    from_here = [place for place in places(found_in_code("garden", "market")) if place[0] in kinds]
    from_there = [place for place in places(found_in_code("market", "garden")) if place[0] in kinds]

    assert from_there == from_here


def test_a_context_that_has_nothing_to_do_with_it_is_left_alone(install: Install) -> None:
    install("market", "", files=written(MARKET))
    install("garden", "", files=written(GARDEN))
    install("meadow", "")

    assert found_in_code("meadow", "garden", "market") == []


def test_two_contexts_in_one_package_are_held_apart_as_well(install: Install, tmp_path: Path) -> None:
    peek = "from try_acme.south import plugin\nSQL = 'SELECT 1 FROM market.stalls'\n"
    files = {"north/__init__.py": "", "north/plugin.py": peek, "south/__init__.py": "", "south/plugin.py": ""}
    install("garden", "", package="try_acme", files=files)
    entry_points = tmp_path / "try_acme-1.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[hedgerow.contexts]\ngarden = try_acme.north.plugin\nmarket = try_acme.south.plugin\n")

    found = [(one.kind, one.subject, one.place and one.place.line) for one in found_in_code("garden", "market")]

    assert found == [("import", "garden", 1), ("foreign_table_in_code", "garden", 2)]


def test_our_own_contexts_are_clean() -> None:
    assert found_in_code("billing", "users") == []
    assert found_in_code("users", "billing") == []


def test_whoever_imports_or_reads_a_context_of_ours_would_be_found(install: Install) -> None:
    install("shed", "", files={"peek.py": 'import hedgerow_billing\nSQL = "SELECT 1 FROM billing.invoices"\n'})

    assert places(found_in_code("billing", "users", "shed")) == [
        ("foreign_table_in_code", "peek.py", 2),
        ("import", "peek.py", 1),
    ]


def test_code_that_cannot_be_read_blocks_because_nobody_knows_what_is_in_it(install: Install) -> None:
    install("garden", "", files={"torn.py": "x = = 1\n"})
    _imports, unread = imports_of(one for one in installed_contexts() if one.name == "garden")

    (found,) = unreadable(unread, ["garden"])

    assert (found.kind, found.place and found.place.line) == ("unreadable_code", 1)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ('INSERT INTO "market"."stalls" VALUES (1)', ["market.stalls"]),
        ("WITH x AS (SELECT * FROM market.a) UPDATE market.b SET c = 1", ["market.b", "market.a"]),
        ("GRANT SELECT ON market.stalls TO somebody", ["market.stalls"]),
        ("CREATE VIEW v AS SELECT * FROM market.stalls", ["market.stalls"]),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 FROM market.a $$", ["market.a"]),
        ("FROM market.stalls s JOIN beds b ON true", ["market.stalls"]),
        ("SELECT 'market.stalls'::regclass", ["market.stalls"]),
        ("TRUNCATE market.stalls", ["market.stalls"]),
        ("SELECT market.id FROM beds market", []),
        ("SELECT * FROM stalls WHERE name = 'market.x'", []),
        ("SELECT 1 -- FROM market.stalls", []),
        ("not SQL at all: market.stalls, {", []),
    ],
)
def test_sql_names_what_it_names(sql: str, named: list[str]) -> None:
    assert sorted(named_in(sql, ["market"])) == sorted(named)


def test_a_name_is_found_on_every_line_that_says_it_and_on_no_line_that_only_comments_it() -> None:
    sql = '-- market.stalls\nSELECT 1 FROM "market"."stalls"\n/* market.stalls\n */ JOIN market.stalls USING (id)'

    assert lines_of("market.stalls", sql) == [1, 3]
