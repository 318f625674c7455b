"""What `hedgerow new` makes is green: the commands of the page are typed, and then each rule is broken once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.plugin import DATABASE_URL, NOT_PROVEN
from tests.compiled import lend_compiled
from tests.conftest import url_of
from tests.docs.markdown import DOCS, blocks
from tests.processes import UV, UV_FOUND_NOBODY, clean_environment
from tests.shell import typed, with_hedgerow
from tests.warm_start import ROOT, lent_to

PAGE = (DOCS / "how-to/add-a-context.md").read_text()
WITHIN_S = 400.0
"""For everything, on a machine that is busy with other tests."""
PACKAGE = "contexts/trees/src/orchard_trees"
CONTRACT = f"{PACKAGE}/contract.json"
SILENT = 'class Silent(ValidationError):\n    code = "trees.silent"\n'


@dataclass(frozen=True, slots=True)
class Orchard:
    """The app that the page makes."""

    folder: Path
    environment: dict[str, str]
    printed: str

    def runs(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run something in its environment."""
        with lent_to(self.folder / ".venv"):
            return typed(" ".join(command), folder=self.folder, environment=self.environment, within_s=WITHIN_S)

    def fails(self, file: str, code: str, *command: str) -> str:
        """What a command says against this code; the file is as before afterwards."""
        path = self.folder / file
        before = path.read_text() if path.exists() else None
        path.write_text((before or "") + code)
        try:
            refused = self.runs(*command)
        finally:
            path.unlink() if before is None else path.write_text(before)
        assert refused.returncode != 0, f"{command} lets this pass: {code}"
        return refused.stdout + refused.stderr


def scripts() -> dict[str, str]:
    """The commands of the page, by what they are for."""
    return {block.title or "": block.text for block in blocks(PAGE) if block.language == "sh"}


@pytest.fixture(scope="module")
def orchard(postgres_server: DatabaseAddress, tmp_path_factory: pytest.TempPathFactory) -> Orchard:
    folder = tmp_path_factory.mktemp("made")
    path = os.pathsep.join([str(Path(UV).parent), os.environ["PATH"]])
    environment = clean_environment() | {"PATH": path, "UV_NO_PROGRESS": "1", DATABASE_URL: url_of(postgres_server)}
    environment.pop("VIRTUAL_ENV", None)
    app, *making, holds = scripts().values()
    made = typed(app, folder=folder, environment=with_hedgerow(environment), within_s=WITHIN_S)
    if UV_FOUND_NOBODY in made.stderr:
        pytest.skip(f"{NOT_PROVEN}an app that uv installs (neither uv's cache nor a network has what it needs)")
    assert made.returncode == 0, made.stderr
    folder /= "orchard"
    warm(folder)
    with lent_to(folder / ".venv"):
        done = typed("".join(making), folder=folder, environment=environment, within_s=WITHIN_S)
    assert done.returncode == 0, done.stdout + done.stderr
    held = typed(holds, folder=folder, environment=environment, within_s=WITHIN_S)
    assert held.returncode == 0, held.stdout + held.stderr
    return Orchard(folder, environment, made.stdout + done.stdout + held.stdout)


def warm(folder: Path) -> None:
    """What mypy and Python have worked out of the same libraries already: most of the time that it takes.

    mypy believes nothing that is not so, either: it compares the text of a source.
    """
    if (known := ROOT / ".mypy_cache").is_dir():
        shutil.copytree(known, folder / known.name)
    lend_compiled(folder / ".venv")


def test_all_of_it_is_green_as_it_was_made(orchard: Orchard) -> None:
    assert "All checks passed!" in orchard.printed, "ruff"
    assert "Success: no issues found in" in orchard.printed, "mypy"
    assert "Contracts: 4 kept, 0 broken." in orchard.printed, "import-linter"
    assert int(re.findall(r"(\d+) passed in", orchard.printed)[-1]) >= 19, "pytest"
    assert "failed" not in orchard.printed
    for use_case in ("rename_tree", "find_oldest_tree", "tree_felled", "plant_welcome_tree", "prune_tree"):
        assert f"tests/test_{use_case}.py" in orchard.printed


def test_what_was_made_is_what_it_says(orchard: Orchard) -> None:
    contract = json.loads((orchard.folder / CONTRACT).read_text())

    assert [event["type"] for event in contract["publishes"]] == ["trees.tree_created", "trees.tree_felled"]
    assert [heard["event"] for heard in contract["subscribes"]] == ["users.user_registered"]


def test_what_was_made_explains_itself(orchard: Orchard) -> None:
    run = "uv run --no-sync hedgerow docs reference --output reference"

    written = orchard.runs(run)
    said = orchard.fails(f"{PACKAGE}/domain/errors.py", f"\n\n{SILENT}", run)

    assert written.returncode == 0, written.stderr
    assert "`trees.tree_not_found`" in (orchard.folder / "reference/errors.md").read_text()
    assert "the error trees.silent is not explained" in said


def test_every_tool_would_have_noticed(orchard: Orchard) -> None:
    run = "uv run --no-sync"
    domain = f"{PACKAGE}/domain/tree.py"
    assert "F401" in orchard.fails(domain, "\nimport os\n", run, "ruff check .")
    assert "BROKEN" in orchard.fails(
        domain, "\nimport sqlalchemy\n", run, "lint-imports --config contexts/trees/importlinter.ini"
    )
    assert "Incompatible types" in orchard.fails(domain, '\nSHORTEST: int = "1"\n', run, "mypy")
    said = orchard.fails(
        f"{PACKAGE}/application/commands/fell_tree.py", '"""Nothing yet."""\n', run, "hedgerow check"
    )
    assert "commands.fell_tree offers nothing" in said


def test_no_commands_of_the_page_are_left_out() -> None:
    assert list(scripts()) == ["an app", "the context", "what it can do", "see that it holds"]
