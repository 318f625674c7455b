"""Makes apps and contexts: checks the name, gathers the answers, and has the files written."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hedgerow_host.discovery import installed_contexts
from hedgerow_host.scaffold import naming
from hedgerow_host.scaffold.places import context_folders, workspace_around
from hedgerow_host.scaffold.rendering import Made, make, put_in_shape

OUR_DISTRIBUTIONS = ("hedgerow-core", "hedgerow-host", "hedgerow-users")
"""What an app is made of."""


def make_app(name: str, beside: Path) -> Made:
    """Make an app in a folder of its name.

    Raises:
        HostError: the name can't be had, or the folder is there.
    """
    folder = _new_folder(beside / naming.checked_app(name))
    answers = {"app": name, "sources": {each: path for each in OUR_DISTRIBUTIONS if (path := _source_of(each))}}
    files = make("app", folder, answers)
    put_in_shape(files, folder)
    return Made(f"the app {name}", folder, files)


def make_context(name: str, aggregate: str | None, place: Path) -> Made:
    """Make a context in the workspace around `place`.

    Raises:
        HostError: the name can't be had, the folder is there, or there is no workspace.
    """
    naming.checked_context(name)
    workspace = workspace_around(place)
    _refuse_taken(name, list(context_folders(workspace)))
    folder = _new_folder(workspace.contexts / name)
    kept = naming.checked_aggregate(aggregate or naming.aggregate_in(name))
    several = naming.plural_of(kept)
    answers = {
        "context": name,
        "package": f"{workspace.prefix.replace('-', '_')}_{name}",
        "distribution": f"{workspace.prefix}-{name.replace('_', '-')}",
        "context_class": naming.class_of(name),
        "aggregate": kept,
        "aggregate_class": naming.class_of(kept),
        "plural": several,
        "plural_class": naming.class_of(several),
        "path": "" if several == name else f"/{several.replace('_', '-')}",
    }
    files = make("context", folder, answers)
    put_in_shape(files, workspace.root)
    return Made(f"the context {name}", folder, files)


def _refuse_taken(name: str, in_workspace: list[str]) -> None:
    for installed in installed_contexts():
        if installed.name == name:
            raise naming.refused(
                f"there is a context {name} already: {installed}", "choose another name, or uninstall that one"
            )
    if name in in_workspace:
        raise naming.refused(f"a folder of this workspace holds a context {name} already", "choose another name")


def _new_folder(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise naming.refused(f"{folder} is there already", "choose another name, or remove it")
    return folder


def _source_of(name: str) -> str | None:
    """The folder that a distribution was installed from (PEP 610); None if it came from an index."""
    told = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    url = urlsplit(told.get("url", ""))
    return unquote(url.path) if "dir_info" in told and url.scheme == "file" else None
