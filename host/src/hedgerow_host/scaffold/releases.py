"""Keeps the template that something was made from beside it, as a git bundle of a few kilobytes.

Copier updates by comparing three things: what the old template made, what was made of that, and what the new
template makes. The old template must be there for this, on every machine, for years, and without a network. A wheel
holds only the templates of its own release; so what was made carries its template along (ADR 0028).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from hedgerow_host.exits import ExitCode, HostError

BUNDLE = ".copier-template.bundle"
TEMPLATES = Path(__file__).parent / "templates"
DISTRIBUTION = "hedgerow-host"
_AUTHOR = {
    "GIT_AUTHOR_NAME": "hedgerow",
    "GIT_AUTHOR_EMAIL": "hedgerow@localhost",
    "GIT_COMMITTER_NAME": "hedgerow",
    "GIT_COMMITTER_EMAIL": "hedgerow@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Nothing of the user's own settings (hooks, signatures) belongs into a template."""


@contextmanager
def bundled(template: Path, before: Path | None = None) -> Iterator[tuple[Path, str]]:
    """A folder with a bundle of this template, and the name of its release; after those of the bundle `before`.

    A template that is the same as the last one of `before` is no new release.

    Raises:
        HostError: git is not there.
    """
    with TemporaryDirectory(prefix="hedgerow-template-") as temporary:
        repository, folder = Path(temporary) / "repository", Path(temporary) / "bundle"
        folder.mkdir()
        if before is None:
            git("init", "--quiet", "--initial-branch", "main", str(repository), at=Path(temporary))
        else:
            git("clone", "--quiet", str(before), str(repository), at=Path(temporary))
            git("rm", "-r", "--quiet", ".", at=repository)
        shutil.copytree(template, repository, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        git("add", "--all", "--force", at=repository)
        if git("status", "--porcelain", at=repository):
            release = _next_release(git("tag", at=repository).split())
            git("commit", "--quiet", "--no-gpg-sign", "--message", release, at=repository)
            git("tag", release, at=repository)
        git("bundle", "create", "--quiet", str(folder / BUNDLE), "HEAD", "main", "--tags", at=repository)
        yield folder, git("describe", "--tags", at=repository)


def git(*arguments: str, at: Path) -> str:
    """What git answers in this folder.

    Raises:
        HostError: git is not there, or it refuses.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            ["git", *arguments],  # noqa: S607 - wherever it is
            cwd=at,
            env=os.environ | _AUTHOR,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise HostError(
            "git is not there, and templates are kept and compared with it",
            fix="install git",
            code=ExitCode.MISCONFIGURED,
        ) from error
    if done.returncode != 0:
        raise HostError(
            f"git {arguments[0]} failed in {at}: {done.stderr.strip()}",
            fix="see what git says",
            code=ExitCode.CHECK_FAILED,
        )
    return done.stdout.strip()


def _next_release(known: list[str]) -> str:
    """That of the host. Where the templates differ though the host says the same, a later one of it."""
    release, number = version(DISTRIBUTION), 0
    latest = max(map(Version, known), default=None)
    while latest is not None and Version(release) <= latest:
        number += 1
        release = f"{Version(version(DISTRIBUTION)).public}.post{number}"
        if number > len(known) + 1:  # made by a newer host than this one
            return f"{latest.public}.post1"
    return release
