"""The Dockerfile and .dockerignore fit the tree, and each guard goes red on a broken copy."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hedgerow_host.api import create_app
from hedgerow_host.catalog import compose
from hedgerow_host.cli.verbs import app
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings, variable_of
from hedgerow_host.watch import Watch
from tests.deployment.broken import broken
from tests.deployment.dockerfile import build_context, in_force, is_ignored, lineage, stages_of, variables_of

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DOCKERIGNORE = (ROOT / ".dockerignore").read_text()
TARGETS = ("api", "worker", "migrate")
INTRUDERS = (
    ".env",
    ".git/config",
    ".hedgerow/postgres/PG_VERSION",
    ".venv/bin/python",
    "README.md",
    "compose.yaml",
    "tests/conftest.py",
    "core/tests/conftest.py",
    "core/.pytest_cache/README.md",
    "contexts/users/.env",
    "contexts/users/tests/test_plugin.py",
    "host/src/hedgerow_host/__pycache__/api.cpython-311.pyc",
)
"""What an image must not carry: secrets, history, tests, leftovers."""

Guard = Callable[[str, str], list[str]]


def members() -> dict[str, str]:
    """The folder of each workspace member, and the name of its distribution."""
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]
    manifests = [path for pattern in workspace["members"] for path in ROOT.glob(f"{pattern}/pyproject.toml")]
    return {
        path.parent.relative_to(ROOT).as_posix(): tomllib.loads(path.read_text())["project"]["name"]
        for path in manifests
    }


def missing_targets(dockerfile: str, _ignore: str) -> list[str]:
    return [name for name in TARGETS if name not in stages_of(dockerfile)]


def lost_sources(dockerfile: str, ignore: str) -> list[str]:
    sources = [
        source
        for stage in stages_of(dockerfile).values()
        for copy in stage.copies
        if copy.stage is None
        for source in copy.sources
    ]
    absent = [f"{source} does not exist" for source in sources if not (ROOT / source).exists()]
    return absent + [f"{source} is ignored" for source in sources if is_ignored(source, ignore)]


def lost_members(dockerfile: str, ignore: str) -> list[str]:
    copied = {source for copy in stages_of(dockerfile)["build"].copies for source in copy.sources}
    wanted = [f"{folder}/{part}" for folder in members() for part in ("pyproject.toml", "src")]
    reached = {path for path in wanted if any(path == source or path.startswith(f"{source}/") for source in copied)}
    return sorted({*wanted} - reached | {path for path in wanted if is_ignored(path, ignore)})


def intruders(_dockerfile: str, ignore: str) -> list[str]:
    return [path for path in INTRUDERS if not is_ignored(path, ignore)]


def rootly_targets(dockerfile: str, _ignore: str) -> list[str]:
    stages = stages_of(dockerfile)
    found = {name: in_force(lineage(stages, name), "USER") for name in TARGETS}
    return [name for name, user in found.items() if user is None or user.text.split(":")[0] in ("root", "0")]


def bad_commands(dockerfile: str, _ignore: str) -> list[str]:
    stages = stages_of(dockerfile)
    complaints = []
    for name in TARGETS:
        step = in_force(lineage(stages, name), "CMD")
        command = step.exec_form if step else None
        if command is None:
            complaints.append(f"{name} has no CMD in exec form: SIGTERM would end at a shell")
        elif command[0] != "hedgerow" or CliRunner().invoke(app, [*command[1:], "--help"]).exit_code != 0:
            complaints.append(f"{name} runs {command}, which the command line does not know")
        elif command[1:] != [name]:
            complaints.append(f"{name} runs {command}")
    return complaints


def floating_images(dockerfile: str, _ignore: str) -> list[str]:
    stages = stages_of(dockerfile)
    images = {stage.parent for stage in stages.values()} - stages.keys()
    return [image for image in images if image.partition(":")[2].partition("-")[0] in ("", "latest", "slim")]


def loose_installs(dockerfile: str, _ignore: str) -> list[str]:
    steps = [step for stage in stages_of(dockerfile).values() for step in stage.instructions if step.name == "RUN"]
    syncs = [step.words for step in steps if step.words[:2] == ["uv", "sync"]]
    complaints = [
        f"{option} is missing"
        for words in syncs
        for option in ("--no-dev", "--all-packages")
        if option not in words
    ]
    # Before the members are there the lock can't be held against them; afterwards it must be.
    whole = [words for words in syncs if "--no-install-workspace" not in words]
    complaints += ["--locked is missing" for words in whole if "--locked" not in words]
    pips = [step.words[-1] for step in steps if step.words[:2] == ["pip", "install"]]
    complaints += [f"{requirement} has no exact version" for requirement in pips if "==" not in requirement]
    return complaints if whole else ["nothing is installed from the lock"]


def unknown_variables(dockerfile: str, _ignore: str) -> list[str]:
    known = {
        variable_of(name, "HEDGEROW_", field.validation_alias) for name, field in HostSettings.model_fields.items()
    }
    stages = stages_of(dockerfile)
    used = {variable for name in TARGETS for variable in variables_of(lineage(stages, name))}
    return sorted(variable for variable in used - known if variable.startswith("HEDGEROW_"))


def unreachable_ports(dockerfile: str, _ignore: str) -> list[str]:
    steps = lineage(stages_of(dockerfile), "api")
    variables, exposed = variables_of(steps), in_force(steps, "EXPOSE")
    complaints = [] if variables.get("HEDGEROW_HOST") == "0.0.0.0" else ["nobody outside the container gets in"]
    if exposed is None or exposed.words != [variables.get("HEDGEROW_PORT")]:
        complaints.append("the exposed port is not the one it listens on")
    return complaints


def unknown_probes(dockerfile: str, _ignore: str) -> list[str]:
    step = in_force(lineage(stages_of(dockerfile), "api"), "HEALTHCHECK")
    if step is None or step.exec_form is None:
        return ["api has no HEALTHCHECK in exec form"]
    assembly, routes = compose(HostSettings())
    paths = create_app(assembly, routes, Readiness(assembly, Watch(assembly))).openapi()["paths"]
    return [] if any(f"'{path}'" in step.exec_form[-1] for path in paths) else ["its path is no route of the app"]


GUARDS_AND_BREAKS = [
    (missing_targets, "AS worker", "AS drudge", "worker"),
    (lost_sources, "COPY core core", "COPY kernel core", "kernel does not exist"),
    (lost_sources, "!uv.lock", "", "uv.lock is ignored"),
    (lost_sources, "!contexts", "!context", "contexts is ignored"),
    (lost_members, "COPY host host\n", "", "host/src"),
    (lost_members, "COPY contexts contexts", "COPY contexts/users contexts/users", "contexts/billing/src"),
    (lost_members, "**/tests", "**/src", "core/src"),
    (intruders, "**/.*", "", "contexts/users/.env"),
    (intruders, "**/tests", "", "core/tests/conftest.py"),
    (intruders, "**/__pycache__", "", "host/src/hedgerow_host/__pycache__/api.cpython-311.pyc"),
    (intruders, "\n*\n", "\n", "compose.yaml"),
    (rootly_targets, "USER 10001:10001\n", "", "api"),
    (rootly_targets, "USER 10001:10001", "USER 0:0", "migrate"),
    (rootly_targets, "FROM runtime AS worker", "FROM base AS worker", "worker"),
    (bad_commands, '["hedgerow", "api"]', "hedgerow api", "SIGTERM would end at a shell"),
    (bad_commands, '["hedgerow", "worker"]', '["hedgerow", "work"]', "does not know"),
    (bad_commands, '["hedgerow", "migrate"]', '["hedgerow", "api"]', "migrate runs"),
    (floating_images, "python:3.11-slim-trixie", "python:latest", "python:latest"),
    (floating_images, "python:3.11-slim-trixie", "python", "python"),
    (loose_installs, "--locked ", "", "--locked is missing"),
    (loose_installs, "--no-dev ", "", "--no-dev is missing"),
    (loose_installs, "uv==0.13.8", "uv", "uv has no exact version"),
    (loose_installs, " --all-packages", "", "--all-packages is missing"),
    (loose_installs, "RUN uv sync", "RUN uv pip install", "nothing is installed from the lock"),
    (unknown_variables, "HEDGEROW_ENV=", "HEDGEROW_ENVIRONMENT=", "HEDGEROW_ENVIRONMENT"),
    (unreachable_ports, "HEDGEROW_HOST=0.0.0.0", "HEDGEROW_HOST=127.0.0.1", "nobody outside"),
    (unreachable_ports, "EXPOSE 8000", "EXPOSE 80", "not the one it listens on"),
    (unknown_probes, "/livez", "/health", "its path is no route of the app"),
    (unknown_probes, "HEALTHCHECK", "LABEL", "api has no HEALTHCHECK"),
]
GUARDS = list(dict.fromkeys(guard for guard, *_ in GUARDS_AND_BREAKS))


@pytest.mark.parametrize("guard", GUARDS)
def test_the_dockerfile_keeps_the_rule(guard: Guard) -> None:
    assert guard(DOCKERFILE, DOCKERIGNORE) == []


@pytest.mark.parametrize(("guard", "old", "new", "complaint"), GUARDS_AND_BREAKS)
def test_a_broken_copy_is_noticed(guard: Guard, old: str, new: str, complaint: str) -> None:
    both = broken(f"{DOCKERFILE}\0{DOCKERIGNORE}", old, new)

    complaints = guard(*both.split("\0"))

    assert any(complaint in found for found in complaints), complaints


def test_only_manifests_and_sources_get_into_the_build_context() -> None:
    context = set(build_context(ROOT, DOCKERIGNORE))

    allowed = tuple(f"{folder}/{part}" for folder in members() for part in ("pyproject.toml", "README.md", "src/"))
    assert {"pyproject.toml", "uv.lock"} <= context
    assert [path for path in context - {"pyproject.toml", "uv.lock"} if not path.startswith(allowed)] == []


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    linted = subprocess.run(["hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")

    another = tmp_path / "Dockerfile"
    another.write_text(broken(DOCKERFILE, 'CMD ["hedgerow", "worker"]', "CMD hedgerow worker"))
    unsound = subprocess.run(["hadolint", another], capture_output=True, text=True, check=False)
    assert unsound.returncode == 1
    assert "DL3025" in unsound.stdout
