"""`hedgerow extract plan`: all that was found in one answer, for people and for programs, with an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.servers import database_for_test, run_sql
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.discovery import load_contexts
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.plan.crossings import FILE, remember_test
from hedgerow_host.extraction.plan.obstacles import KINDS
from host.tests.extraction.seeded import (
    GARDEN,
    GARDEN_PLUGIN,
    IN_DATABASE,
    MARKET,
    MARKET_PLUGIN,
    SEEDED_IN_DATABASE,
    marked,
    written,
)
from host.tests.extraction.test_plan_crossings import CROSSING

Install = Callable[..., None]
Found = tuple[int, str, str]
MEMBERS = ["context", "movable", "blockers", "cautions", "questions", "measured", "moves", "set", "looked_at"]
OF_AN_OBSTACLE = ["kind", "subject", "what", "why", "fix", "file", "line", "object"]
UNSEEDED = {"unreadable_code", "not_ours", "migrations_pending", "target_unfit", "foreign_table_in_statement"}
"""Blockers that cannot be there beside the others, or need a server of their own; each has a test elsewhere."""


def extract_plan(*arguments: str) -> Found:
    """Exit code, result and messages; an error ends it as `main` would."""
    result = CliRunner().invoke(verbs_behind("extract"), ["extract", "plan", *arguments])
    if isinstance(result.exception, HostError):
        return result.exception.code, result.stdout, result.stderr + str(result.exception)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def in_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    code, said, _told = extract_plan(*arguments, "--json")
    return code, json.loads(said)


def url_of(address: DatabaseAddress) -> str:
    return address.url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture
def garden(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The seeded pair in one host, without a database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "garden,market")
    install("market", MARKET_PLUGIN, files=written(MARKET))
    install("garden", GARDEN_PLUGIN, files=written(GARDEN))


@pytest.fixture
def database(migrated_databases: MigratedDatabases, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(garden=(), market=()) as address:
        run_sql(address, "CREATE EXTENSION vector SCHEMA public", *IN_DATABASE)
        monkeypatch.setenv("HEDGEROW_DATABASE_URL", url_of(address))
        yield address


@pytest.mark.usefixtures("garden")
def test_one_plan_finds_one_violation_of_every_kind_each_at_its_place(
    database: DatabaseAddress, tmp_path: Path
) -> None:
    run_sql(database, *SEEDED_IN_DATABASE)
    remember_test(tmp_path / ".hedgerow" / FILE, "test_story", [{**CROSSING, "context": "garden"}])

    code, plan = in_json("garden")

    found = plan["blockers"]
    assert (code, plan["movable"]) == (ExitCode.CHECK_FAILED, False)
    assert {one["kind"] for one in found} == {
        kind for kind, each in KINDS.items() if each.weight == "blocker"
    } - UNSEEDED
    in_code = [
        (one["kind"], Path(one["file"]).name, one["line"])
        for one in found
        if one["kind"] in ("import", "foreign_table_in_code")
    ]
    assert sorted(in_code) == [place for place in marked(tmp_path) if KINDS[place[0]].weight == "blocker"]
    assert {(one["kind"], one["object"]) for one in found if one["object"]} == set(SEEDED_IN_DATABASE.values())
    (crossed,) = [one for one in found if one["kind"] == "crossed_transaction"]
    assert (crossed["file"], crossed["line"]) == ("/shop/pay.py", 12)
    assert {one["kind"] for one in plan["cautions"]} == {
        "required_context",
        "question_in_loop",
        "many_questions",
        "foreign_route_in_code",
        "shared_setting",
    }


@pytest.mark.usefixtures("garden")
def test_programs_get_the_same_members_every_time() -> None:
    _code, plan = in_json("garden")

    assert list(plan) == MEMBERS
    assert all(list(one) == OF_AN_OBSTACLE for one in [*plan["blockers"], *plan["cautions"]])
    assert all(one["file"] and one["line"] for one in plan["blockers"])
    assert plan["moves"]["hears"] == [{"name": "market.sold v1", "contexts": ["market"], "required": False}]
    assert plan["moves"]["asks"] == [{"name": "market.get_price v1", "contexts": ["market"], "required": True}]
    assert plan["moves"]["publishes"] == [{"name": "garden.grown v1", "contexts": [], "required": False}]
    assert (plan["moves"]["tasks"], plan["moves"]["routes"]) == (["garden.water"], ["GET /v1/garden/beds"])
    assert plan["moves"]["permissions"] == ["garden:bed:dig"]
    assert {(each["query"], each["function"]) for each in plan["questions"]} >= {("market.get_price", "price_of")}


@pytest.mark.usefixtures("garden")
def test_what_to_set_is_told_for_both_hosts_and_no_value_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GARDEN_FENCE", "tall-and-private")
    monkeypatch.setenv("GARDEN_GATE_KEY", "aB3dE6fG9hJ2kL5m")
    monkeypatch.setenv("WEATHER", "rain")
    monkeypatch.setenv("HEDGEROW_CORS_ORIGINS", "https://app.example.com")

    _code, plan = in_json("garden", "--no-database")
    _code, said, _told = extract_plan("garden", "--no-database")

    new = {each["variable"]: each for each in plan["set"] if each["at"] == "new"}
    stays = {each["variable"]: each for each in plan["set"] if each["at"] == "stays"}
    assert stays["HEDGEROW_CONTEXTS"]["value"] == "market"
    assert new["HEDGEROW_CONTEXTS"]["value"] == "garden"
    assert {"HEDGEROW_REMOTES__GARDEN__URL", "HEDGEROW_REMOTES__GARDEN__OPTIONAL", "HEDGEROW_HOST_SECRET"} <= set(
        stays
    )
    assert {"HEDGEROW_REMOTES__MARKET__URL", "HEDGEROW_DATABASE_URL", "HEDGEROW_BROKER_URL"} <= set(new)
    assert "HEDGEROW_REMOTES__MARKET__OPTIONAL" not in new  # its manifest requires it
    carried = {name: (each["secret"], each["set_now"]) for name, each in new.items() if "HEDGEROW" not in name}
    assert carried == {
        "GARDEN_FENCE": (False, True),
        "GARDEN_GATE_KEY": (True, True),
        "GARDEN_MAIL": (True, False),
        "WEATHER": (False, True),
    }
    assert new["HEDGEROW_CORS_ORIGINS"]["value"] is None
    everything = json.dumps(plan) + said
    assert not [
        value for value in ("tall-and-private", "aB3dE6fG9hJ2kL5m", "app.example.com") if value in everything
    ]


def test_a_publisher_that_has_a_host_of_its_own_already_is_found_from_the_new_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "billing")

    _code, plan = in_json("billing", "--no-database")

    (remote,) = [each for each in plan["set"] if each["variable"] == "HEDGEROW_REMOTES__USERS__URL"]
    assert (remote["at"], "HEDGEROW_REMOTES__BILLING__URL" in remote["why"]) == ("new", True)
    assert {each["at"] for each in plan["set"]} == {"new"}  # nothing stays here


@pytest.mark.usefixtures("garden")
def test_people_read_blockers_first_each_with_place_reason_and_fix() -> None:
    code, said, _told = extract_plan("garden", "--no-database")

    lines = said.splitlines()
    assert code == ExitCode.CHECK_FAILED
    assert lines[0].startswith("garden can't move yet: ")
    assert lines[2] == "Blockers"
    assert lines[3].startswith("  import: the code of the one would have to be installed")
    assert lines[4].strip() == "try_garden/imports.py:5  garden imports try_market.plugin of market"
    assert lines[12].strip().startswith("fix: subscribe to its events")
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles[1:] == [
        "Blockers",
        "Cautions",
        "What moves",
        "Questions that will cross the network",
        "At the host that stays",
        "At the new host",
        "What this rests on",
    ]


def test_our_own_contexts_can_go_at_any_time(
    migrated_databases: MigratedDatabases,
    postgres_server: DatabaseAddress,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    contexts = load_contexts(["users", "billing"])
    own = {context.name: (context.call("migrations"),) for context in contexts}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "users,billing")
    monkeypatch.setenv("HEDGEROW_ENV", "dev")
    with migrated_databases.copy(**own) as address, database_for_test(postgres_server) as target:
        monkeypatch.setenv("HEDGEROW_DATABASE_URL", url_of(address))
        for name in own:
            code, plan = in_json(name, "--to", url_of(target))
            assert (code, plan["blockers"], plan["cautions"]) == (ExitCode.FINE, [], [])
            assert {table["name"] for table in plan["moves"]["tables"]} >= {"outbox", "deliveries"}


@pytest.mark.usefixtures("garden")
def test_what_was_not_looked_at_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    _code, plan = in_json("garden")

    assert plan["looked_at"]["database"].startswith("not looked at: HEDGEROW_DATABASE_URL is not set")
    assert plan["looked_at"]["tests"].startswith("not looked at: no test has left ")
    assert plan["looked_at"]["metrics"].startswith("not looked at: ")


@pytest.mark.usefixtures("garden")
def test_wrong_usage_and_an_absent_database_end_as_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _said, told = extract_plan("meadow", "--no-database")
    assert (code, "meadow" in told) == (ExitCode.MISCONFIGURED, True)

    code, _said, told = extract_plan("garden", "--to", "mysql://here")
    assert (code, "--to" in told) == (ExitCode.MISCONFIGURED, True)

    monkeypatch.setenv("HEDGEROW_DATABASE_URL", "postgresql://me:aB3dE6fG9hJ2kL5m@127.0.0.1:1/shop")
    code, _said, told = extract_plan("garden")
    assert (code, "the database postgresql://me:***@127.0.0.1:1/shop is not there" in told) == (
        ExitCode.UNREACHABLE,
        True,
    )
