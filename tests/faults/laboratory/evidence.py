"""What long runs leave behind: `faults.json`, one row for each experiment and mutant, and two pages to read it.

What is found about money has a page of its own.

A run replaces the rows of what it ran and leaves the others alone, so each row says when and on which commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.laboratory.records import Record

DATA, PAGE, MONEY_PAGE = "faults.json", "faults.md", "money.md"
MONEY = range(18, 24)
"""Experiments on money by their numbers."""
GAPLESS_NUMBERS = "gapless numbers"
"""One on money that has no number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One experiment, or one of its mutants, the last time that it ran at its long size."""

    experiment: str
    mutant: str | None
    verdict: str
    as_expected: bool
    seed: int
    facts: str
    date: str
    commit: str

    @classmethod
    def of(cls, record: Record, *, date: str, commit: str) -> Row:
        """The row of a finding."""
        return cls(
            experiment=record.experiment,
            mutant=record.mutant,
            verdict=str(record.finding),
            as_expected=record.as_expected,
            seed=record.seed,
            facts=", ".join(f"{name} {value}" for name, value in record.facts.items()),
            date=date,
            commit=commit,
        )


def write(folder: Path, rows: Iterable[Row], machine: Mapping[str, str]) -> None:
    """Put the rows in the place of those that stood for the same experiments, and render the page."""
    data = folder / DATA
    new = list(rows)
    known = [Row(**row) for row in json.loads(data.read_text())] if data.exists() else []
    replaced = {_name(row) for row in new}
    kept = sorted([row for row in known if _name(row) not in replaced] + new, key=_order)
    data.write_text(json.dumps([asdict(row) for row in kept], indent=1, ensure_ascii=False) + "\n")
    others, money = [row for row in kept if not _is_money(row)], [row for row in kept if _is_money(row)]
    (folder / PAGE).write_text(page("Fault experiments", others, machine))
    (folder / MONEY_PAGE).write_text(page("Experiments on money", money, machine))


def page(title: str, rows: list[Row], machine: Mapping[str, str]) -> str:
    """The rows as a Markdown page."""
    on = ", ".join(f"{name} {value}" for name, value in machine.items())
    green = "\n".join(_line(row, row.experiment) for row in rows if row.mutant is None)
    red = "\n".join(_line(row, f"{row.experiment} | {row.mutant}") for row in rows if row.mutant is not None)
    columns = "verdict | seed | sizes and measures | date | commit |"
    return (
        f"# {title}: what the last long runs found\n\n"
        "Written by `make test-faults`; do not edit. Each experiment must be green, each mutant red.\n"
        f"A run replaces the rows of what it ran. The last one ran on {on}.\n\n"
        "## Experiments\n\n"
        f"| experiment | {columns}\n|---|---|---|---|---|---|\n{green}\n\n"
        "## Mutants: the same experiments on a build that was broken on purpose\n\n"
        f"| experiment | mutant | {columns}\n|---|---|---|---|---|---|---|\n{red}\n"
    )


def _name(row: Row) -> tuple[str, str | None, str]:
    """What a run replaces. An experiment that runs in several placements has a row for each."""
    return row.experiment, row.mutant, _placement(row)


def _placement(row: Row) -> str:
    return next((fact for fact in row.facts.split(", ") if fact.startswith("placement ")), "")


def _order(row: Row) -> tuple[int, str, str, str]:
    return _number(row), row.experiment, row.mutant or "", _placement(row)


def _number(row: Row) -> int:
    number = row.experiment.partition(" ")[0]
    return int(number) if number.isdigit() else 0


def _is_money(row: Row) -> bool:
    return _number(row) in MONEY or row.experiment == GAPLESS_NUMBERS


def _line(row: Row, name: str) -> str:
    mark = "" if row.as_expected else " **UNEXPECTED**"
    return f"| {name} | {row.verdict}{mark} | {row.seed} | {row.facts} | {row.date} | {_short(row.commit)} |"


def _short(commit: str) -> str:
    id, _, changes = commit.partition(" ")
    return f"{id[:10]} {changes}".strip()
