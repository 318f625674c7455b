"""What the experiments of a session found: one verdict line each, and a history on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Protocol


class Finding(Protocol):
    """A verdict of the checker, or something `Measured`."""

    @property
    def clean(self) -> bool:
        """Whether it is green."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """One experiment, or one of its mutants, with what came out."""

    experiment: str
    mutant: str | None
    seed: int
    finding: Finding
    facts: Mapping[str, object]
    history: Path | None = None

    @property
    def as_expected(self) -> bool:
        """Green without a mutant, red with one."""
        return self.finding.clean is (self.mutant is None)

    def __str__(self) -> str:
        name = f"{self.experiment} [mutant: {self.mutant}]" if self.mutant else self.experiment
        facts = "".join(f" {name}={value}" for name, value in self.facts.items())
        where = f" history={self.history}" if self.history else ""
        return f"VERDICT {name}: {self.finding} | seed={self.seed}{facts}{where}"


@dataclass(slots=True)
class Records:
    """The findings of a session, in their order."""

    folder: Path
    records: list[Record] = field(default_factory=list)

    def __call__(
        self,
        experiment: str,
        finding: Finding,
        *,
        seed: int,
        mutant: str | None = None,
        shows: str | None = None,
        history: Iterable[object] = (),
        **facts: object,
    ) -> None:
        """Write the finding down, print its line, and fail unless it is green, or red for a mutant.

        `shows` names the class of damage that a mutant must do: red for another reason proves nothing.
        `history` holds dataclasses (`Publish`, `Effect`) or mappings, in their order.
        """
        path = self._written(experiment, mutant, history)
        record = Record(experiment, mutant, seed, finding, facts, path)
        self.records.append(record)
        print(f"\n{record}")
        done = shows is None or getattr(finding, shows) > 0
        assert done, f"expected something {shows}: {record}"
        assert record.as_expected, f"expected {'red' if mutant else 'green'}: {record}"

    def _written(self, experiment: str, mutant: str | None, history: Iterable[object]) -> Path | None:
        lines = [_line(entry) for entry in history]
        if not lines:
            return None
        name = "-".join(f"{experiment} {mutant or ''} {len(self.records)}".replace("/", " ").split())
        path = self.folder / f"{name}.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return path


def _line(entry: object) -> str:
    known = asdict(entry) if is_dataclass(entry) and not isinstance(entry, type) else entry
    if isinstance(known, Mapping):
        known = {"what": type(entry).__name__.lower(), **known} if is_dataclass(entry) else dict(known)
    return json.dumps(known, default=str)
