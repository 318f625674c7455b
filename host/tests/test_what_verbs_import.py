"""A verb imports what it needs and no more: that is most of what a short command takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = """
import json, sys
sys.argv = ["hedgerow", *sys.argv[1:]]
from hedgerow_host.cli import main
try:
    main()
except SystemExit:
    pass
print()
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"alembic", "dependency_injector", "dramatiq", "fastapi", "sqlalchemy", "structlog", "uvicorn"}
"""What a host is made of. Not pydantic, by which typer itself reads the arguments of a verb."""


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """The modules that a process has at its end which runs this command."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "command",
    [
        ("--help",),
        ("--version",),
        ("contexts", "--help"),
        ("migrate", "--help"),
        ("new", "context", "--help"),
        ("health", "--url", "http://127.0.0.1:1"),
    ],
    ids=" ".join,
)
def test_help_and_cheap_verbs_import_no_part_of_a_host(tmp_path: Path, command: tuple[str, ...]) -> None:
    imported = imported_by(tmp_path, *command)

    assert "hedgerow_host.cli" in imported
    assert imported & HEAVY == set()
    assert {name for name in imported if name.partition(".")[0] in ("hedgerow_users", "hedgerow_billing")} == set()


def test_a_verb_that_composes_does(tmp_path: Path) -> None:
    assert imported_by(tmp_path, "routes") >= {"fastapi", "sqlalchemy", "hedgerow_users"}
