"""An app to make things in, without installing anything."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hedgerow_host.scaffold.making import make_app, make_context

Git = Callable[..., str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with one context, as they were made."""
    folder = make_app("orchard", tmp_path_factory.mktemp("made")).folder
    make_context("trees", None, folder)
    return folder


@pytest.fixture
def app(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = shutil.copytree(made, tmp_path / "orchard")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def trees(app: Path) -> Path:
    return app / "contexts/trees"


@pytest.fixture
def git(app: Path) -> Git:
    """`git("status")` in the app; `git("save")` commits all there is."""

    def git(*arguments: str) -> str:
        author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *author, *arguments], cwd=app, capture_output=True, text=True, check=True
        ).stdout

    git("init", "--quiet")
    return git
