"""`docs/how-to/write-a-context.md` makes `examples/loyalty`: it works in every mode, and leaves without a trace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.plugin import DATABASE_URL, NOT_PROVEN
from tests.compiled import lend_compiled
from tests.conftest import url_of
from tests.docs.markdown import DOCS, blocks
from tests.processes import UV_FOUND_NOBODY, clean_environment
from tests.shell import typed
from tests.warm_start import lent_to

ROOT = DOCS.parent
PAGE = DOCS / "how-to" / "write-a-context.md"
EXAMPLE = "examples/loyalty"
GENERATED = {f"{EXAMPLE}/src/hedgerow_loyalty/contract.json"}
"""What a command of the page writes."""
INSTALLED = (
    "from hedgerow_host.discovery import installed_contexts; print(*(each.name for each in installed_contexts()))"
)
WORKSPACE = ("core", "contexts", "host", "pyproject.toml", "uv.lock")
ENDS_WITHIN_S = 300


def files_shown(page: str) -> dict[str, str]:
    """Every file that the page shows, by path."""
    return {block.title: block.text for block in blocks(page) if block.title and "/" in block.title}


def files_there() -> dict[str, str]:
    """Every file of the example that says something."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", EXAMPLE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {path: (ROOT / path).read_text() for path in listed.stdout.splitlines()}
    return {path: text for path, text in found.items() if text and path not in GENERATED}


def commands(page: str, title: str | None) -> str:
    """The shell block of this title."""
    (found,) = (block.text for block in blocks(page) if block.language == "sh" and block.title == title)
    return found


@dataclass(frozen=True, slots=True)
class Workspace:
    """A copy of this repository, with an environment of its own."""

    folder: Path
    environment: Mapping[str, str]

    def shell(self, script: str) -> str:
        """What a shell prints; every command in it must succeed."""
        done = typed(script, folder=self.folder, environment=self.environment, within_s=ENDS_WITHIN_S)
        if UV_FOUND_NOBODY in done.stderr:
            pytest.skip(f"{NOT_PROVEN}how to write a context (neither uv's cache nor a network has what it needs)")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def contexts(self) -> list[str]:
        """What the host finds installed, without what it takes to compose it."""
        return self.shell(f"uv run --no-sync python -c '{INSTALLED}'").split()

    def traces(self) -> list[str]:
        """Whatever in the environment is named after the example, and the lock if it says something of it."""
        named = [path.name for path in (self.folder / ".venv").rglob("*loyalty*")]
        return named + ["uv.lock"] * ("loyalty" in (self.folder / "uv.lock").read_text())


@pytest.fixture
def workspace(tmp_path: Path, postgres_server: DatabaseAddress) -> Iterator[Workspace]:
    environment = clean_environment()
    path = f"{ROOT / '.tools' / 'bin'}{os.pathsep}{environment['PATH']}"
    if shutil.which("uv", path=path) is None:
        pytest.skip(f"{NOT_PROVEN}how to write a context (no uv on this machine)")
    for name in WORKSPACE:
        source, here = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, here, ignore=shutil.ignore_patterns("tests"))
        else:
            shutil.copy(source, here)
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"):
        environment.pop(name, None)
    given = {"PATH": path, "UV_NO_PROGRESS": "1", DATABASE_URL: url_of(postgres_server)}
    workspace = Workspace(tmp_path, environment | given)
    workspace.shell("uv sync --all-packages")  # as `make install` does, which everybody has done who gets there
    lend_compiled(tmp_path / ".venv")
    yield workspace
    shutil.rmtree(tmp_path / ".venv", ignore_errors=True)  # pytest would keep it for three runs


def test_the_page_shows_every_file_of_the_example_as_it_is() -> None:
    assert files_shown(PAGE.read_text()) == files_there()


def test_a_page_that_lags_behind_is_noticed() -> None:
    there = files_there()
    page = PAGE.read_text()

    assert len(there) > 15
    assert files_shown(page.replace("MINOR_UNITS_A_POINT = 100", "MINOR_UNITS_A_POINT = 10")) != there
    assert files_shown(page.replace(f'title="{EXAMPLE}/tests/conftest.py"', "")) != there


def test_who_follows_the_page_has_a_context_that_works_and_can_be_taken_out_again(workspace: Workspace) -> None:
    page = PAGE.read_text()
    project = (workspace.folder / "pyproject.toml").read_text()
    workspace.shell(commands(page, None))
    for path, text in files_shown(page).items():
        (workspace.folder / path).write_text(text)

    with lent_to(workspace.folder / ".venv"):
        printed = workspace.shell(commands(page, "install"))
    assert workspace.contexts() == ["billing", "loyalty", "users", "webhooks"]
    assert re.search(r"\b13 passed\b", printed), printed
    for generated in GENERATED:
        assert (workspace.folder / generated).read_text() == (ROOT / generated).read_text()

    workspace.shell(commands(page, "remove"))
    assert workspace.contexts() == ["billing", "users", "webhooks"]
    assert workspace.traces() == []
    assert (workspace.folder / "pyproject.toml").read_text() == project
