"""docs/evidence/security.md answers every requirement, names only what exists, and counts rightly."""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.docs.markdown import DOCS, names_in, rows, section

ROOT = DOCS.parent
LEDGER = DOCS / "evidence" / "security.md"
NUMBERS = Path(__file__).with_name("asvs-5.0.0.csv")
VERDICTS = ("met", "not applicable", "deployment", "open")
PROVEN, LEFT_TO_OPERATORS = "met", "deployment"
OF_LEVEL = {1: 70, 2: 183}
"""How many requirements version 5.0.0 has of each level."""
RISKS = [f"API{number}" for number in range(1, 11)]
TOP_10 = "OWASP API Security Top 10 (2023)"

_TEST = re.compile(r"([\w./-]+\.py)::(test_\w+)")
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|toml|lock|ini|yaml)")
_CHAPTER = re.compile(r"^## (V\d+ .+)$", re.M)

Number = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: the numbers that it speaks for, or a risk by its name."""

    name: str
    level: str
    verdict: str
    why: str

    def numbers(self, known: Mapping[Number, int]) -> list[Number]:
        """The requirements that the row speaks for: one, or all that lie in its range."""
        first, _, last = self.name.partition(" to ")
        if not last:
            return [number_of(first)]
        return [number for number in known if number_of(first) <= number <= number_of(last)]


def number_of(text: str) -> Number:
    chapter, part, place = text.split(".")
    return int(chapter), int(part), int(place)


@cache
def requirements() -> Mapping[Number, int]:
    """The level of every requirement of level 1 and 2, in their order."""
    with NUMBERS.open() as file:
        return {number_of(row["number"]): int(row["level"]) for row in csv.DictReader(file)}


def entries(ledger: str) -> list[Entry]:
    """The rows of all chapters."""
    return [
        Entry(name, level, verdict, why)
        for chapter in _CHAPTER.findall(ledger)
        for name, level, _asks, verdict, why in rows(section(ledger, chapter))
    ]


def risks(ledger: str) -> list[Entry]:
    """The rows of the Top 10."""
    return [Entry(name, "", verdict, why) for name, _what, verdict, why in rows(section(ledger, TOP_10))]


def uncovered(ledger: str) -> Iterator[str]:
    """Requirements without a row, rows without a requirement, and what has two or another level."""
    known = requirements()
    found = Counter(number for entry in entries(ledger) for number in entry.numbers(known))
    for number in known.keys() | found.keys():
        name = ".".join(map(str, number))
        if number not in known:
            yield f"{name} is none of the standard's"
        elif found[number] != 1:
            yield f"{name} has {found[number]} rows"
    for entry in entries(ledger):
        levels = sorted({known[number] for number in entry.numbers(known) if number in known})
        if entry.level != ", ".join(map(str, levels)):
            yield f"{entry.name} is of level {levels}"
    if [risk.name for risk in risks(ledger)] != RISKS:
        yield "the ten risks are not all there, in order"


def unproven(ledger: str) -> Iterator[str]:
    """Rows whose verdict is no verdict, or says nothing for itself."""
    for entry in entries(ledger) + risks(ledger):
        names = [name for name in names_in(entry.why) if _TEST.fullmatch(name) or _FILE.fullmatch(name)]
        if entry.verdict not in VERDICTS:
            yield f"{entry.name}: {entry.verdict!r} is no verdict"
        elif len(entry.why) < 4:
            yield f"{entry.name} does not say why"
        elif entry.verdict in (PROVEN, LEFT_TO_OPERATORS) and not names:
            yield f"{entry.name} names neither test nor file"


@cache
def functions_in(path: Path) -> frozenset[str]:
    """The functions in a file, without importing it."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions))


def missing(ledger: str) -> Iterator[str]:
    """Named tests and files that don't exist."""
    for name in names_in(ledger):
        if test := _TEST.fullmatch(name):
            path = ROOT / test[1]
            if not path.is_file() or test[2] not in functions_in(path):
                yield f"{name} does not exist"
        elif _FILE.fullmatch(name) and not (ROOT / name).is_file():
            yield f"{name} does not exist"
    for link in re.findall(r"\]\(([^)#]+)", ledger):
        if not (LEDGER.parent / link).is_file():
            yield f"{link} does not exist"


def miscounted(ledger: str) -> Iterator[str]:
    """Sums on top that are not those of the rows."""
    known = requirements()
    counts = Counter(
        (entry.verdict, known[number])
        for entry in entries(ledger)
        for number in entry.numbers(known)
        if number in known
    )
    expected = [[verdict, *(str(counts[verdict, level]) for level in OF_LEVEL)] for verdict in VERDICTS]
    expected.append(["all", *map(str, OF_LEVEL.values())])
    told = {cells[0]: cells for cells in rows(ledger.partition("\n## ")[0])}
    for verdict, *of_level in expected:
        cells = [verdict, *of_level, str(sum(map(int, of_level)))]
        if told.get(verdict) != cells:
            yield f"on top it says {told.get(verdict)}, the rows say {cells}"


def complaints(ledger: str) -> list[str]:
    """Everything that is wrong with it."""
    return [*uncovered(ledger), *unproven(ledger), *missing(ledger), *miscounted(ledger)]


@pytest.fixture(scope="module")
def ledger() -> str:
    return LEDGER.read_text()


def test_the_list_of_numbers_is_that_of_the_standard() -> None:
    assert Counter(requirements().values()) == OF_LEVEL
    assert list(requirements()) == sorted(requirements())
    assert {chapter for chapter, _part, _place in requirements()} == set(range(1, 18))


def test_the_ledger_answers_everything_names_what_exists_and_counts_rightly(ledger: str) -> None:
    assert complaints(ledger) == []


def changed(ledger: str, old: str, new: str) -> str:
    """The ledger with its first such text replaced."""
    assert old in ledger, f"the ledger has no {old!r} to break"
    return ledger.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("| 1.1.1 | 2 |", "| 1.1.99 | 2 |", "1.1.99 is none of the standard's"),
        ("| 1.1.1 | 2 |", "| 1.1.2 | 2 |", "1.1.1 has 0 rows"),
        ("| 1.1.1 | 2 |", "| 1.1.2 | 2 |", "1.1.2 has 2 rows"),
        ("| 1.1.1 | 2 |", "| 1.1.1 | 1 |", "1.1.1 is of level [2]"),
        ("| 17.1.1 to 17.3.2 |", "| 17.1.1 to 17.3.1 |", "17.3.2 has 0 rows"),
        ("::test_", "::test_that_nobody_wrote_", "does not exist"),
        ("`core/tests/", "`kernel/tests/", "does not exist"),
        ("](../security.md)", "](../safety.md)", "../safety.md does not exist"),
        ("| met |", "| done |", "'done' is no verdict"),
        ("| open |", "| met |", "the rows say"),
        ("| API1 |", "| API11 |", "the ten risks"),
    ],
)
def test_a_broken_ledger_is_noticed(ledger: str, old: str, new: str, complaint: str) -> None:
    body = ledger.index("\n## ")
    broken = ledger[:body] + changed(ledger[body:], old, new) if old in ledger[body:] else changed(ledger, old, new)

    assert any(complaint in found for found in complaints(broken)), complaints(broken)


def test_a_row_is_neither_lost_nor_met_without_a_name(ledger: str) -> None:
    row = next(line for line in ledger.splitlines() if line.startswith("| 1.2.4 |"))
    unnamed = re.sub(r"\| met \| .* \|$", "| met | Believe us |", row)

    assert "1.2.4 has 0 rows" in complaints(ledger.replace(f"{row}\n", ""))
    assert "1.2.4 names neither test nor file" in complaints(ledger.replace(row, unnamed))
