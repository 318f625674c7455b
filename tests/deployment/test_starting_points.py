"""The Procfile and the development container start what there is, and need nothing that they don't bring."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from honcho.environ import parse_procfile
from typer.testing import CliRunner

from hedgerow_host.cli.verbs import app
from hedgerow_host.settings import HostSettings
from tests.deployment.broken import broken

ROOT = Path(__file__).parents[2]
PROCFILE = (ROOT / "Procfile").read_text()
CONTAINER = (ROOT / ".devcontainer/devcontainer.json").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def wrong_processes(procfile: str) -> Iterator[str]:
    """Named as platforms name them: `release` runs before the others, `web` gets the requests at $PORT."""
    found = parse_procfile(procfile).processes
    verbs = {"release": "migrate", "web": "api", "worker": "worker"}
    if found.keys() != verbs.keys():
        yield f"there are {[*found]}"
    for name, command in found.items():
        program, verb, *options = shlex.split(command)
        told = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"})
        if program != "hedgerow" or verb != verbs.get(name) or told.exit_code != 0:
            yield f"{name} runs {command}"
        yield from (f"{verb} knows no {one}" for one in options if one.startswith("--") and one not in told.output)
    web = found.get("web", "")
    if "--host 0.0.0.0" not in web or "--port $PORT" not in web:
        yield "nobody reaches web"


def wrong_container(text: str) -> Iterator[str]:
    """No server and no Docker in it: `make run` brings PostgreSQL along."""
    read = json.loads(text)
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    if not re.fullmatch(rf"[\w./-]+:{re.escape(needs)}-\w+", read.get("image", "")):
        yield f"{read.get('image')} has not the oldest Python that we support"
    program, target = shlex.split(read["postCreateCommand"])
    if program != "make" or not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE):
        yield f"nothing can make {target}"
    port = HostSettings.model_fields["port"].default
    if read["forwardPorts"] != [port] or read["portsAttributes"].keys() != {str(port)}:
        yield f"the host listens at {port}"
    yield from (f"{part} is one more thing to start" for part in ("dockerComposeFile", "features") if part in read)


Guard = Callable[[str], Iterator[str]]


@pytest.mark.parametrize(("guard", "text"), [(wrong_processes, PROCFILE), (wrong_container, CONTAINER)])
def test_it_starts_what_there_is(guard: Guard, text: str) -> None:
    assert [*guard(text)] == []


@pytest.mark.parametrize(
    ("guard", "text", "old", "new", "complaint"),
    [
        (wrong_processes, PROCFILE, "worker: ", "clock: ", "there are"),
        (wrong_processes, PROCFILE, "hedgerow migrate", "hedgerow upgrade", "release runs"),
        (wrong_processes, PROCFILE, "hedgerow worker", "hedgerow api", "worker runs"),
        (wrong_processes, PROCFILE, "--host", "--bind", "api knows no --bind"),
        (wrong_processes, PROCFILE, " --port $PORT", "", "nobody reaches web"),
        (wrong_container, CONTAINER, "3.11-bookworm", "3-bookworm", "has not the oldest Python"),
        (wrong_container, CONTAINER, "make install", "make setup", "nothing can make setup"),
        (wrong_container, CONTAINER, "[8000]", "[8080]", "the host listens at 8000"),
        (wrong_container, CONTAINER, '"image"', '"dockerComposeFile"', "one more thing to start"),
    ],
)
def test_a_broken_copy_is_noticed(guard: Guard, text: str, old: str, new: str, complaint: str) -> None:
    complaints = [*guard(broken(text, old, new))]

    assert any(complaint in found for found in complaints), complaints
