"""What a check has to say: numbered, with its fix, and with file and line where there are some."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HOST = "host"
"""Stands before the number where no context is meant."""

_PLACE = re.compile(r"(?P<file>.+\.py):(?P<line>\d+)")


class Level(StrEnum):
    """How bad it is."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    @property
    def shown(self) -> str:
        """The file as somebody in the working folder would name it."""
        folder = Path.cwd()
        return str(self.file.relative_to(folder) if self.file.is_relative_to(folder) else self.file)

    def __str__(self) -> str:
        return f"{self.shown}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check has to say."""

    context: str
    number: str
    """What kind of finding, always the same: `E003`. The letter is that of its level: E, W or N."""
    subject: str
    what: str
    fix: str
    sources: tuple[str, ...] = ()
    place: Place | None = None

    @property
    def id(self) -> str:
        """`billing.E003`."""
        return f"{self.context}.{self.number}"

    @property
    def level(self) -> Level:
        """Error, warning or note."""
        return {"E": Level.ERROR, "W": Level.WARNING, "N": Level.NOTE}[self.number[0]]


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """As people read them: errors, warnings, notes; in each the contexts by name."""
    return sorted(findings, key=lambda one: (-list(Level).index(one.level), one.id, one.subject, str(one.place)))


def place_among(sources: Iterable[str]) -> tuple[Place | None, tuple[str, ...]]:
    """The last of these sources that is a line of a file, and the others."""
    kept, place = [], None
    for source in sources:
        found = _PLACE.fullmatch(source)
        if found:
            place = Place(Path(found["file"]), int(found["line"]))
        else:
            kept.append(source)
    return place, tuple(kept)
