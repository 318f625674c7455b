"""Brings what was made up to date with the templates of today, as Copier does it, and settles what is contested."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import copier

from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.scaffold.places import ANSWERS_FILE, Workspace, answers_in, made_contexts
from hedgerow_host.scaffold.releases import BUNDLE, TEMPLATES, bundled, git
from hedgerow_host.scaffold.rendering import QUIETLY, put_in_shape, speaking_plainly


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What an update has done to an app or a context."""

    folder: Path
    before: str
    after: str
    changed: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    """Files in which template and owner have changed the same lines: there, the owner's stand."""


def update(workspace: Workspace, templates: Path = TEMPLATES) -> list[Updated]:
    """Update the app and every context in it that was made from a template; each on its own.

    Raises:
        HostError: there is nothing to update, or git has changes that are not committed.
    """
    places = [("context", made.folder) for made in made_contexts(workspace)]
    if (workspace.root / ANSWERS_FILE).is_file():
        places.insert(0, ("app", workspace.root))
    if not places:
        raise HostError(
            f"nothing in {workspace.root} was made from a template",
            fix="hedgerow new context NAME makes something that can be updated",
            code=ExitCode.MISCONFIGURED,
        )
    _demand_clean(workspace.root)
    return [_update(folder, templates / kind, workspace.root) for kind, folder in places]


def _update(folder: Path, template: Path, root: Path) -> Updated:
    before = str(answers_in(folder / ANSWERS_FILE)["_commit"])
    with bundled(template, before=folder / BUNDLE) as (place, release):
        if release == before:
            return Updated(folder=folder, before=before, after=before)
        with chdir(place), speaking_plainly():
            copier.run_update(folder, vcs_ref=release, conflict="inline", skip_if_exists=[BUNDLE], **QUIETLY)
        kept = _settle(root)
        (folder / BUNDLE).write_bytes((place / BUNDLE).read_bytes())
    changed = [root / line for line in git("diff", "--name-only", "HEAD", "--", str(folder), at=root).splitlines()]
    added = git("ls-files", "--others", "--exclude-standard", "--", str(folder), at=root).splitlines()
    touched = sorted({*changed, *(root / line for line in added)})
    put_in_shape([path for path in touched if path.exists() and path not in kept], root)
    return Updated(folder=folder, before=before, after=release, changed=touched, kept=kept)


def _settle(root: Path) -> list[Path]:
    """Where both have changed the same lines, take the owner's; all other changes of the template stay."""
    contested = sorted(set(git("diff", "--name-only", "--diff-filter=U", at=root).splitlines()))
    for name in contested:
        (root / name).write_bytes(_merged_for_owner(root, name))
        git("reset", "--quiet", "--", name, at=root)
    return [root / name for name in contested]


def _merged_for_owner(root: Path, name: str) -> bytes:
    """The file with the template's changes, but the owner's lines where they contradict."""
    stages = {stage: blob for blob, stage in _stages_of(root, name)}
    with TemporaryDirectory() as folder:
        files = [
            Path(folder) / stage for stage in ("2", "1", "3")
        ]  # the owner's, the old template's, the new one's
        for file in files:
            file.write_bytes(_blob(root, stages[file.name]) if file.name in stages else b"")
        merge = ["git", "merge-file", "--stdout", "--ours", *map(str, files)]
        return subprocess.run(merge, capture_output=True, check=True).stdout  # noqa: S603 - our own arguments


def _stages_of(root: Path, name: str) -> Iterator[tuple[str, str]]:
    for line in git("ls-files", "--unmerged", "--", name, at=root).splitlines():
        _mode, blob, stage = line.partition("\t")[0].split()
        yield blob, stage


def _blob(root: Path, blob: str) -> bytes:
    show = ["git", "cat-file", "blob", blob]
    return subprocess.run(show, cwd=root, capture_output=True, check=True).stdout  # noqa: S603 - our own arguments


def _demand_clean(root: Path) -> None:
    try:
        dirty = git("status", "--porcelain", at=root)
    except HostError as error:
        raise HostError(
            f"{root} is in no git repository, and an update is compared and undone with git",
            fix="git init && git add --all && git commit, then again",
            code=ExitCode.MISCONFIGURED,
        ) from error
    if dirty:
        raise HostError(
            f"{root} has changes that are not committed; among those of an update you would not find them again",
            fix="commit or stash them, then again",
            code=ExitCode.MISCONFIGURED,
        )
