"""What is made is in shape whatever it is called: short names, long ones, and any order of the alphabet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hedgerow_host.contracts import as_json, from_json
from hedgerow_host.scaffold.adding import add_use_case
from hedgerow_host.scaffold.making import make_context
from hedgerow_host.scaffold.naming import LONGEST
from hedgerow_host.scaffold.places import context_around
from hedgerow_host.scaffold.publishers import event_named

LONG = "a_name_that_is_very_long"
USE_CASES = ("command", "query", "event", "subscription", "task")


@pytest.mark.parametrize(("context", "aggregate"), [("a", "b"), ("zoos", "zebra"), (LONG, LONG)])
def test_names_of_any_length_and_order_make_code_in_shape(app: Path, context: str, aggregate: str) -> None:
    assert len(LONG) == LONGEST
    made = make_context(context, aggregate, app)
    (contract,) = made.folder.rglob("contract.json")
    text = contract.read_text()
    before = {path: path.read_bytes() for path in app.rglob("*") if is_kept(path)}
    for kind in USE_CASES:
        name = f"{LONG[:-1]}{kind[0]}"
        more = event_named("billing.collection_exhausted") if kind == "subscription" else None
        add_use_case(kind, name, context_around(app, context), more)

    assert {path: path.read_bytes() for path in before} == before, "a use case changes no file that was there"
    assert text == as_json(from_json(text))
    assert ruff(app, "check") == ""
    assert ruff(app, "format", "--check") == ""
    (made.folder / "tests/conftest.py").write_text("import os, sys\nx=1\n")
    assert ruff(app, "check")
    assert ruff(app, "format", "--check")


def is_kept(path: Path) -> bool:
    """Whether it is a file that somebody wrote; ruff's cache is not."""
    return path.is_file() and ".ruff_cache" not in path.parts


def ruff(folder: Path, *arguments: str) -> str:
    """What ruff finds in the app, with the app's settings."""
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "--quiet", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr + "."
