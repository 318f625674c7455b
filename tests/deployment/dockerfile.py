"""Reads a Dockerfile and a .dockerignore as far as ours go: no heredocs, no ARG, no exceptions with wildcards."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, continuation lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows the name, as a shell would split it."""
        return shlex.split(self.text)

    @property
    def exec_form(self) -> list[str] | None:
        """The command that it runs without a shell; None in shell form."""
        command = self.text.partition("CMD")[2] if self.name == "HEALTHCHECK" else self.text
        try:
            parsed = json.loads(command)
        except json.JSONDecodeError:
            return None
        return parsed if isinstance(parsed, list) else None


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY: where from (a stage, or None for the build context), what, where to."""

    stage: str | None
    sources: Sequence[str]
    target: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: what it starts from, and its instructions in their order."""

    name: str
    parent: str
    instructions: list[Instruction]

    @property
    def copies(self) -> list[Copy]:
        """Its COPY instructions."""
        found = []
        for words in (step.words for step in self.instructions if step.name == "COPY"):
            stages = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
            *sources, target = [word for word in words if not word.startswith("--")]
            found.append(Copy(stages[0] if stages else None, sources, target))
        return found


def stages_of(text: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name, in their order."""
    stages: dict[str, Stage] = {}
    for step in _instructions(text):
        if step.name == "FROM":
            parent, _as, name = step.words
            stages[name] = current = Stage(name, parent, [])
        else:
            current.instructions.append(step)
    return stages


def lineage(stages: dict[str, Stage], name: str) -> list[Instruction]:
    """Everything that makes up a stage, from its oldest ancestor on."""
    stage = stages[name]
    inherited = lineage(stages, stage.parent) if stage.parent in stages else []
    return inherited + stage.instructions


def in_force(steps: Sequence[Instruction], name: str) -> Instruction | None:
    """The last instruction of this name, which is the one that counts."""
    return next((step for step in reversed(steps) if step.name == name), None)


def variables_of(steps: Sequence[Instruction]) -> dict[str, str]:
    """What the ENV instructions set."""
    return dict(word.split("=", 1) for step in steps if step.name == "ENV" for word in step.words)


def is_ignored(path: str, dockerignore: str) -> bool:
    """Whether a path stays out of the build context: the last line that matches it or a parent decides."""
    ignored = False
    candidates = [path, *map(str, PurePosixPath(path).parents)][:-1]
    for line in _lines(dockerignore):
        pattern = line.removeprefix("!")
        if any(re.fullmatch(_regex(pattern), candidate) for candidate in candidates):
            ignored = not line.startswith("!")
    return ignored


def build_context(root: Path, dockerignore: str) -> Iterator[str]:
    """Every file that gets into the build context."""
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        # Exceptions are plain prefixes here, so nothing below an ignored folder comes back.
        folders[:] = [name for name in folders if not is_ignored((here / name).as_posix(), dockerignore)]
        yield from (path for name in files if not is_ignored(path := (here / name).as_posix(), dockerignore))


def _instructions(text: str) -> Iterator[Instruction]:
    joined = "\n".join(_lines(text)).replace("\\\n", "")
    for line in joined.splitlines():
        name, _space, rest = line.partition(" ")
        yield Instruction(name.upper(), rest.strip())


def _lines(text: str) -> list[str]:
    """Without comments and empty lines."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _regex(pattern: str) -> str:
    """The one `**` that ours know is `**/`: in any folder, also at the top."""
    parts = re.split(r"(\*\*/|\*)", pattern)
    return "".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
