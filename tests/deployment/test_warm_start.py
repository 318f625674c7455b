"""A process that is forked for a test ends as one that was started from nothing: it proves what that would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm_start
from tests.cheap_hashing import AS_IN_PRODUCTION, HASHING
from tests.deployment import endings
from tests.garden import GARDEN, install_garden
from tests.processes import COMMAND, clean_environment
from tests.shell import typed, with_hedgerow

WITHIN_S = 30.0
ENDINGS = {
    "returns": 0,
    "hears": 0,
    "says_no": 3,
    "says_why": 1,
    "says_nothing": 0,
    "fails": 1,
    "is_interrupted": -2,
    "is_killed": -9,
    "has_more_to_do": 0,
    "hashes_a_password": 0,
    "spawns": 0,
    "leaves_a_child": 0,
}
HEARD = "words\n"


def started_from_nothing(ending: str) -> tuple[int, str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", endings.__name__, ending],
        cwd=warm_start.ROOT,
        input=HEARD,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()[-1:]


def forked(ending: str, folder: Path, **settings: str) -> tuple[int, str, list[str]]:
    stdin, output, errors = (folder / name for name in ("stdin", "output", "errors"))
    stdin.write_text(HEARD)
    process = warm_start.start(
        endings.__name__,
        (ending,),
        folder=folder,
        environment=clean_environment() | AS_IN_PRODUCTION | settings,
        output=output,
        errors=errors,
        typed=stdin,
    )
    return process.wait(WITHIN_S), output.read_text(), errors.read_text().splitlines()[-1:]


@pytest.mark.parametrize(("ending", "code"), ENDINGS.items())
def test_it_ends_as_if_it_had_been_started_from_nothing(ending: str, code: int, tmp_path: Path) -> None:
    ended = forked(ending, tmp_path)

    assert ended == started_from_nothing(ending)
    assert ended[0] == code


def test_passwords_cost_next_to_nothing_where_that_is_asked_for(tmp_path: Path) -> None:
    assert forked("hashes_a_password", tmp_path, **{HASHING: "cheaply"})[1] == "m=8,t=1,p=1\n"


@pytest.mark.parametrize(
    "script",
    [
        "hedgerow --version",
        "hedgerow nonsense",
        "hedgerow --help | head -c 100",
        'printf words | hedgerow users create-admin "$(hedgerow --version)" --password-stdin',
        "hedgerow --version > written; cat written; rm written",
    ],
)
def test_what_is_typed_into_a_shell_prints_and_ends_as_the_installed_command_does(
    script: str, tmp_path: Path
) -> None:
    here = clean_environment()
    installed = {**here, "PATH": f"{COMMAND.parent}:{here['PATH']}"}

    cold, warm = (
        typed(script, folder=tmp_path, environment=environment) for environment in (installed, with_hedgerow(here))
    )

    assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)
    assert warm.stdout + warm.stderr


def test_what_is_lent_to_another_environment_finds_what_is_there_alone_and_is_given_back(tmp_path: Path) -> None:
    libraries = tmp_path / warm_start.LIBRARIES.relative_to(sys.prefix)
    libraries.mkdir(parents=True)
    install_garden(libraries, GARDEN)
    command = tmp_path / "bin/hedgerow"
    command.parent.mkdir()
    command.write_text("installed")

    with warm_start.lent_to(tmp_path):
        listed = typed(f"{command} contexts list --json", folder=tmp_path, environment=clean_environment())

    assert [row["name"] for row in json.loads(listed.stdout)] == ["garden"]
    assert command.read_text() == "installed"
