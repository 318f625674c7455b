"""What a check has to say: numbered, with its fix, and with file and line where there are some."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HOST = "host"
"""Stands before the number where no context is meant."""

MEANINGS = {
    "E001": "The host can't be composed",
    "E002": "A subscription or question can't read what is published or answered here",
    "E003": "The package of a context holds no contract.json",
    "E004": "The contract.json is not what the context declares",
    "E005": "A setting is missing or can't be used",
    "E006": "A setting is missing without which `api` or `worker` doesn't start",
    "E007": "Migrations are pending",
    "E008": "A schema is not what its migrations make",
    "E010": "A module of a context is no Python",
    "E011": "A module imports one of a layer above its own",
    "E012": "A context imports another one",
    "E013": "A context imports the host",
    "E014": "The domain imports more than Python and the domain of core",
    "E015": "A use case imports HTTP or SQL",
    "E016": "The hooks are imported by another module than the one that holds them",
    "E017": "A distribution is imported that the context's own does not declare",
    "W001": "A subscription listens to a context that is not hosted here",
    "W002": "A subscription reads an event up to a version, and a newer one is published",
    "W003": "A context asks one that is not hosted here",
    "W004": "A context runs without a role of its own",
    "W005": "The migrations of a context fail on an empty database",
    "W101": "This is not the environment of production",
    "W102": "A connection to another machine is not encrypted, or nobody checks with whom it is made",
    "W103": "The broker asks for no password",
    "W104": "Nobody's X-Forwarded-For is believed",
    "W105": "Too many may say who calls",
    "W106": "The API's document is public",
    "W107": "Pages that nobody answers for may call from a browser",
    "W108": "Something is forgotten too soon",
    "W109": "Others on this machine can read the secrets in .env",
    "W110": "A secret can be guessed",
    "W111": "The database user may do anything in the whole server",
    "W112": "Several other hosts could vouch for callers, and nobody has said which may",
    "N001": "A published event has no subscriber here",
    "N002": "The imports of a context are not looked at",
    "N003": "Drift was not looked for",
    "N101": "Metrics are served on every address",
}
"""Every number of the host, always the same. Those of contexts begin at 500: their hook `checks` brings them."""

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
