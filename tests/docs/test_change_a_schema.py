"""How a schema is changed works as told: the page is played on a context of its own."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress, MigrationHistory
from hedgerow_core.persistence.migrations.linting import RULES
from hedgerow_core.testing import Stairway
from hedgerow_core.testing.servers import database_for_test
from hedgerow_host.exits import ExitCode
from tests.conftest import url_of
from tests.docs.markdown import DOCS, blocks, table
from tests.garden import GARDEN, install_garden
from tests.processes import run

PAGE = (DOCS / "how-to/change-a-schema.md").read_text()
SHED = (
    GARDEN.replace("garden", "shed")
    + """
from hedgerow_core.persistence import MigrationHistory

@hookimpl
def migrations():
    return MigrationHistory("shed.migrations")
"""
)
FIRST = '''"""plants"""

from alembic import op

revision = "shed_0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE TABLE plants (id uuid PRIMARY KEY, title text NOT NULL)")


def downgrade() -> None:
    op.execute("DROP TABLE plants")
'''
STEPS = ("expand", "index", "contract")


def told(language: str, title: str) -> str:
    """The block of the page with this title."""
    (block,) = (block for block in blocks(PAGE) if (block.language, block.title) == (language, title))
    return block.text


@dataclass(frozen=True, slots=True)
class Shed:
    """A context here as sources, and a database."""

    folder: Path
    address: DatabaseAddress

    def types(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a command of the page."""
        program, *arguments = shlex.split(command)
        assert program == "hedgerow"
        environment = {
            "HEDGEROW_DATABASE_URL": url_of(self.address),
            "HEDGEROW_CONTEXTS": "shed",
            "PYTHONPATH": str(self.folder),
        }
        return run(*arguments, folder=self.folder, environment=environment)

    def writes(self, step: str) -> Path:
        """Have a revision written, and fill it in as the page says."""
        done = self.types(told("sh", step))
        assert done.returncode == 0, done.stderr
        path = Path(done.stdout.strip())
        head = path.read_text().partition("def upgrade")[0]
        path.write_text(
            f"from hedgerow_core.persistence import build_index, drop_index\n{head}{told('python', step)}"
        )
        return path


@pytest.fixture
def shed(postgres_server: DatabaseAddress, tmp_path: Path) -> Iterator[Shed]:
    package = install_garden(tmp_path, SHED, name="shed").parent
    (package / "migrations/versions").mkdir(parents=True)
    (package / "migrations/__init__.py").touch()
    (package / "migrations/versions/0001_plants.py").write_text(FIRST)
    with database_for_test(postgres_server) as address:
        yield Shed(tmp_path, address)


def test_the_commands_do_what_the_page_says(shed: Shed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shed.types("hedgerow migrate").returncode == ExitCode.FINE
    paths = [shed.writes(step) for step in STEPS]
    assert [path.name for path in paths] == [
        "0002_names_beside_titles.py",
        "0003_an_index_of_names.py",
        "0004_titles_are_gone.py",
    ]
    checked = shed.types("hedgerow migrate --check --json")
    assert (checked.returncode, "3 migrations are pending: shed shed_0002, shed" in checked.stderr) == (1, True)
    plan = json.loads(checked.stdout)
    assert [(step["from"], step["revision"], step["kind"]) for step in plan] == [
        ("shed_0001", "shed_0002", "expand"),
        ("shed_0002", "shed_0003", "expand"),
        ("shed_0003", "shed_0004", "contract"),
    ]
    assert [unsafe["meant"] for step in plan for unsafe in step["unsafe"]] == [
        "since release 3 nobody reads or writes titles"
    ]
    looked = [shed.types(line) for line in told("sh", "look").splitlines()]
    assert [done.returncode for done in looked] == [0, 0]
    assert "CREATE INDEX CONCURRENTLY ix_plants_name ON plants (name);" in looked[1].stdout

    applied = [shed.types(line) for line in told("sh", "apply").splitlines()]

    assert [done.returncode for done in applied] == [0, 0, 0]
    assert re.search(r"shed +own +shed_0004 +shed_0004 +0 +up to date", applied[1].stdout), applied[1].stdout
    monkeypatch.syspath_prepend(str(shed.folder))
    try:
        with database_for_test(shed.address) as fresh:
            asyncio.run(Stairway(fresh, "shed", MigrationHistory("shed.migrations")).climb())
    finally:
        for module in [name for name in sys.modules if name.partition(".")[0] == "shed"]:
            del sys.modules[module]


def test_a_step_that_does_not_say_that_it_means_it_is_shown_with_the_safe_way(shed: Shed) -> None:
    assert shed.types("hedgerow migrate").returncode == ExitCode.FINE
    path = shed.writes("contract")
    path.write_text(path.read_text().replace("meant = ", "said = "))

    plan = shed.types("hedgerow migrate --plan")

    assert plan.returncode == ExitCode.FINE
    assert "unsafe: shed shed_0002 breaks_running_code: a release of before" in plan.stdout
    assert f"  in: {path}\n  statement: ALTER TABLE plants DROP COLUMN title\n  fix: expand first" in plan.stdout


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("hedgerow migrations new barn 'more'", ExitCode.MISCONFIGURED, "fix: choose one of shed"),
        ("hedgerow migrations new shed 'a \"b\"'", ExitCode.MISCONFIGURED, "fix: say in one line"),
        ("hedgerow migrate --sql --json", ExitCode.MISCONFIGURED, "--sql prints SQL"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_fix(shed: Shed, command: str, code: int, says: str) -> None:
    done = shed.types(command)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_a_step_that_nobody_has_filled_in_is_named_and_a_branch_is_not_gone_on_with(shed: Shed) -> None:
    path = Path(shed.types("hedgerow migrations new shed more").stdout.strip())
    empty = shed.types("hedgerow migrate")
    assert (empty.returncode, "shed_0002 of shed failed" in empty.stderr) == (ExitCode.CHECK_FAILED, True)

    path.with_name("0002_other.py").write_text(path.read_text().replace("shed_0002", "shed_0002b"))
    branched = shed.types("hedgerow migrations new shed more")
    assert branched.returncode == ExitCode.MISCONFIGURED
    assert "the history of shed has branched: shed_0002, shed_0002b" in branched.stderr


def test_a_database_that_is_away_is_named_and_not_taken_for_migrated(shed: Shed) -> None:
    away = Shed(shed.folder, DatabaseAddress.parse("postgresql://me:hush@127.0.0.1:1/shop"))
    for command in ("hedgerow migrate --check", "hedgerow migrations status"):
        done = away.types(command)
        assert (done.returncode, "me:***@127.0.0.1:1/shop" in done.stderr) == (ExitCode.UNREACHABLE, True)


def test_the_page_names_every_rule() -> None:
    assert table(PAGE).keys() == RULES.keys()


def test_every_block_of_commands_is_played() -> None:
    titles = {block.title for block in blocks(PAGE) if block.language == "sh"}
    assert titles == {*STEPS, "look", "apply"}
