"""Lets Copier write files out of a template, and the project's own ruff put them in the project's shape."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
from copier.errors import CopierError

from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.scaffold.places import ANSWERS_FILE
from hedgerow_host.scaffold.releases import BUNDLE, TEMPLATES, bundled

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """What was written."""

    what: str
    folder: Path
    """The app, or the context."""
    files: list[Path]


def make(kind: str, folder: Path, answers: Answers) -> list[Path]:
    """Make something that keeps its template beside it, so that it can be updated: an app, a context."""
    with bundled(TEMPLATES / kind) as (place, release):
        with chdir(place), speaking_plainly():
            copier.run_copy(BUNDLE, folder, dict(answers), vcs_ref=release, **QUIETLY)
        (folder / BUNDLE).write_bytes((place / BUNDLE).read_bytes())
    return sorted(path for path in folder.rglob("*") if path.is_file())


def add(kind: str, folder: Path, answers: Answers) -> list[Path]:
    """Add files to a context. Those that are there stay as they are.

    Raises:
        HostError: one of them is there already; nothing was written.
    """
    template = TEMPLATES / kind
    wanted = [folder / _rendered(path.relative_to(template), answers) for path in _files_of(template)]
    if taken := [str(path) for path in wanted if path.exists()]:
        raise HostError(
            f"{', '.join(taken)} is there already",
            fix="choose another name, or remove the file",
            code=ExitCode.MISCONFIGURED,
        )
    with speaking_plainly():
        copier.run_copy(str(template), folder, dict(answers), **QUIETLY)
    return sorted(wanted)


def put_in_shape(files: Sequence[Path], root: Path) -> None:
    """Sort imports and wrap lines as the project at `root` wants it: how long names are is known only now.

    Raises:
        HostError: ruff finds what it can't read.
    """
    sources = [str(path) for path in files if path.suffix == ".py"]
    for command in (["check", "--select", "I", "--fix-only"], ["format"]):
        done = subprocess.run(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "ruff", *command, "--quiet", *sources],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise HostError(
                f"what was made is there, but ruff could not put it in shape: {done.stderr.strip()}",
                fix=f"ruff {' '.join(command)} {root}",
                code=ExitCode.CHECK_FAILED,
            )


QUIETLY: Mapping[str, Any] = {"defaults": True, "quiet": True, "overwrite": True, "answers_file": ANSWERS_FILE}


@contextmanager
def speaking_plainly() -> Iterator[None]:
    """What Copier refuses, in the form of our errors."""
    try:
        yield
    except CopierError as error:
        raise HostError(
            f"Copier refuses: {error}",
            fix="see what it says; nothing is lost that git has",
            code=ExitCode.CHECK_FAILED,
        ) from error


def _files_of(template: Path) -> list[Path]:
    return [path for path in template.rglob("*.jinja") if path.is_file()]


def _rendered(path: Path, answers: Answers) -> Path:
    text = str(path).removesuffix(".jinja")
    for name, value in answers.items():
        text = text.replace(f"{{{{ {name} }}}}", str(value))
    return Path(text)
