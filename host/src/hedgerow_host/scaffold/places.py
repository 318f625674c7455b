"""Where something is to be made: the workspace around us, and the context in it that is meant."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hedgerow_core.observability.own_code import ENTRY_POINT_GROUP, ON_REQUEST_GROUP
from hedgerow_host.scaffold.naming import refused

PROJECT_FILE = "pyproject.toml"
ANSWERS_FILE = ".copier-answers.yml"
CONTEXTS = "contexts"
WORKSPACE_SUFFIX = "-workspace"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A uv workspace whose contexts are its members: an app, or Hedgerow's own repository."""

    root: Path
    name: str

    @property
    def prefix(self) -> str:
        """What the names of its distributions begin with."""
        return self.name.removesuffix(WORKSPACE_SUFFIX)

    @property
    def contexts(self) -> Path:
        """The folder of the contexts, there or not."""
        return self.root / CONTEXTS


@dataclass(frozen=True, slots=True)
class MadeContext:
    """A context that was made from our template."""

    folder: Path
    answers: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.answers["context"])

    @property
    def sources(self) -> Path:
        """Its package."""
        return self.folder / "src" / str(self.answers["package"])


def workspace_around(place: Path) -> Workspace:
    """The workspace in which `place` lies.

    Raises:
        HostError: it lies in none that has contexts.
    """
    for folder in (place, *place.parents):
        project = _project_in(folder)
        members = project.get("tool", {}).get("uv", {}).get("workspace", {}).get("members", [])
        if f"{CONTEXTS}/*" in members:
            return Workspace(folder, project["project"]["name"])
    raise refused(
        f"{place} is in no app: no {PROJECT_FILE} around it has a uv workspace with the members {CONTEXTS}/*",
        "go to the folder of an app, or make one: hedgerow new app NAME",
    )


def context_around(place: Path, named: str | None) -> MadeContext:
    """The context that is `named`; else the one in which `place` lies; else the only one that was made.

    Raises:
        HostError: there is no such context, there are several, or it was not made from our template.
    """
    workspace = workspace_around(place)
    made = {context.name: context for context in made_contexts(workspace)}
    if named is not None:
        if named not in made:
            raise _not_made(workspace, named, list(made))
        return made[named]
    around = [context for context in made.values() if place.is_relative_to(context.folder)]
    candidates = around or list(made.values())
    if len(candidates) != 1:
        raise refused(
            "it is not said in which context"
            if made
            else f"no context in {workspace.contexts} was made by hedgerow",
            f"give --context, one of {', '.join(made)}" if made else "hedgerow new context NAME",
        )
    return candidates[0]


def made_contexts(workspace: Workspace) -> list[MadeContext]:
    """Every context of the workspace that was made from our template, by folder."""
    found = [MadeContext(file.parent, answers_in(file)) for file in workspace.contexts.glob(f"*/{ANSWERS_FILE}")]
    return sorted((made for made in found if "context" in made.answers), key=lambda made: made.folder)


def answers_in(file: Path) -> Mapping[str, Any]:
    """What was answered when something was made."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}


def context_folders(workspace: Workspace) -> dict[str, Path]:
    """Every context that lies in the workspace, made or written by hand, by name."""
    return {
        name: folder
        for folder in sorted(workspace.contexts.glob("*"))
        for group in (ENTRY_POINT_GROUP, ON_REQUEST_GROUP)
        for name in _project_in(folder).get("project", {}).get("entry-points", {}).get(group, {})
    }


def _project_in(folder: Path) -> dict[str, Any]:
    file = folder / PROJECT_FILE
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _not_made(workspace: Workspace, named: str, made: list[str]) -> Exception:
    if named in context_folders(workspace):
        return refused(
            f"{named} was not made by `hedgerow new context`: its plugin.py lists its use cases by hand",
            f"write the file as its neighbours are, and list it there; made were: {', '.join(made) or 'none'}",
        )
    return refused(
        f"there is no context {named} in {workspace.contexts}",
        f"choose one of {', '.join(made) or 'none'}, or make it: hedgerow new context {named}",
    )
