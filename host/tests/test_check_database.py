"""What `hedgerow check` sees in the database, when it looks there, and what it says when it can't."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import run_sql
from hedgerow_host.checks.database import look_at_database
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.discovery import load_contexts
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.migrate import runner_for

Install = Callable[..., None]
NOBODY_THERE = "postgresql://me:aB3dE6fG9hJ2kL5m@127.0.0.1:1/shop"
NOT_LOOKED = "The database was not looked at"


@pytest.fixture
def garden(install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host of one context that is fine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "garden")
    install("garden", "")
    CliRunner().invoke(verbs_behind("contracts"), ["contracts", "write"])


def hedgerow_check(*arguments: str) -> tuple[int, str, str]:
    """Exit code, result and messages; an error ends it as `main` would."""
    result = CliRunner().invoke(verbs_behind("check"), ["check", *arguments])
    if isinstance(result.exception, HostError):
        return result.exception.code, result.stdout, result.stderr + str(result.exception)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("garden")
def test_pending_migrations_are_named_until_they_are_applied(fresh_database: DatabaseAddress) -> None:
    contexts = load_contexts(["garden"])

    pending = look_at_database(fresh_database, contexts)
    assert [(one.id, one.fix) for one in pending] == [("garden.E007", "hedgerow migrate")]
    assert pending[0].what.startswith("are pending: ledger_0001, ")

    asyncio.run(runner_for(fresh_database, contexts).apply())
    assert look_at_database(fresh_database, contexts) == []

    as_deployed = look_at_database(fresh_database, contexts, deploy=True)
    assert [one.id for one in as_deployed] == ["host.W111"]


@pytest.mark.usefixtures("garden")
def test_a_user_who_may_create_no_role_hears_what_is_lost_before_the_first_migration(
    fresh_database: DatabaseAddress,
) -> None:
    name = f"{fresh_database.url.database}_modest"
    run_sql(fresh_database, f"CREATE ROLE {name} LOGIN PASSWORD 'pass'")
    try:
        modest = DatabaseAddress(fresh_database.url.set(username=name, password="pass"))
        found = look_at_database(modest, load_contexts(["garden"]), deploy=True)
    finally:
        run_sql(fresh_database, f"DROP ROLE {name}")

    assert {one.id for one in found} == {"garden.E007", "garden.W004"}
    (lost,) = (one for one in found if one.number == "W004")
    assert lost.subject == "hedgerow_garden"
    assert "tables of other contexts" in lost.what


@pytest.mark.usefixtures("garden")
def test_the_database_is_looked_at_if_its_url_is_set_and_check_says_so_if_it_did_not(
    fresh_database: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said, told = hedgerow_check()
    assert (code, said, NOT_LOOKED in told) == (0, "", True)
    assert "HEDGEROW_DATABASE_URL is not set; --database looks anyway" in told

    url = fresh_database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("HEDGEROW_DATABASE_URL", url)
    code, said, told = hedgerow_check()
    assert (code, said.startswith("garden.E007 migrations: "), NOT_LOOKED in told) == (1, True, False)

    code, said, told = hedgerow_check("--no-database")
    assert (code, said, f"{NOT_LOOKED}: --no-database." in told) == (0, "", True)


@pytest.mark.usefixtures("garden")
def test_a_database_that_is_away_ends_it_with_3_after_what_is_known_without_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEDGEROW_DATABASE_URL", NOBODY_THERE)
    (tmp_path / "try_garden" / "contract.json").unlink()

    code, said, told = hedgerow_check()

    assert (code, said.startswith("garden.E003")) == (ExitCode.UNREACHABLE, True)
    assert "the database postgresql://me:***@127.0.0.1:1/shop is not there" in told
    assert "fix: " in told


@pytest.mark.usefixtures("garden")
def test_without_a_composition_there_is_nothing_to_look_for(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("shed", "raise RuntimeError('locked')")
    monkeypatch.setenv("HEDGEROW_CONTEXTS", "shed")
    monkeypatch.setenv("HEDGEROW_DATABASE_URL", NOBODY_THERE)

    code, said, told = hedgerow_check()

    assert (code, said.startswith("shed.E001")) == (ExitCode.CHECK_FAILED, True)
    assert f"{NOT_LOOKED}: first the composition has to be right." in told
