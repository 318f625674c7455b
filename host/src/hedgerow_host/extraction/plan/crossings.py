"""What tests have seen of transactions that touched two contexts: written down by the guard, read by the plan.

One JSON object a line, so that several test processes may write at once. The last line of a test counts: one that
has crossed a boundary and passes later clears its name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hedgerow_host.checks.findings import place_among
from hedgerow_host.extraction.plan.obstacles import Obstacle

FILE = "crossings.jsonl"
"""In the data folder, or in `.hedgerow` of the folder that pytest calls its root."""
FIX = "end the first transaction before, and go on by an event or a published query"


@dataclass(frozen=True, slots=True)
class Crossing:
    """One transaction in which contexts met, as the guard of the test kit tells it."""

    context: str
    others: Sequence[str]
    what: str
    place: str | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the tests have left."""

    crossings: Mapping[str, Sequence[Crossing]] = field(default_factory=dict)
    """By test."""
    watched: Mapping[str, int] = field(default_factory=dict)
    """How many transactions of each context were looked at, in all runs together."""
    last: datetime | None = None
    """When the guard last looked."""


def remember_test(file: Path, test: str, found: Sequence[Mapping[str, Any]]) -> None:
    """Write down what a test has crossed (fields of `Crossing`); of a clean one only that it is clean again."""
    if found or test in recall(file).crossings:
        _append(file, {"test": test, "crossings": list(found)})


def remember_run(file: Path, watched: Mapping[str, int], at: datetime) -> None:
    """Write down how many transactions were looked at, so that none found means something."""
    if watched:
        _append(file, {"at": at.isoformat(), "watched": dict(watched)})


def recall(file: Path) -> Remembered:
    """What was written down; nothing if there is no such file. A line that is torn is passed over."""
    crossings: dict[str, list[Crossing]] = {}
    watched: Counter[str] = Counter()
    last = None
    for line in _lines(file):
        if "test" in line:
            crossings[line["test"]] = [Crossing(**each) for each in line["crossings"]]
        else:
            watched.update(line["watched"])
            last = datetime.fromisoformat(line["at"])
    return Remembered({test: found for test, found in crossings.items() if found}, watched, last)


def crossed(context: str, remembered: Remembered) -> Iterator[Obstacle]:
    """The crossings that the context had a part in, each once, however many tests have met it."""
    met: dict[tuple[str, str | None], list[str]] = {}
    for test, found in remembered.crossings.items():
        for each in found:
            if context in (each.context, *each.others):
                met.setdefault((each.what, each.place), []).append(test)
    for (what, where), tests in met.items():
        place, _ = place_among([where] if where else [])
        also = f", and in {len(tests) - 1} more" if len(tests) > 1 else ""
        yield Obstacle(
            kind="crossed_transaction",
            subject=context,
            what=f"{what}, seen in {tests[0]}{also}",
            fix=FIX,
            place=place,
        )


def _append(file: Path, line: Mapping[str, Any]) -> None:
    with suppress(OSError):  # a folder that can't be written to costs the record, and no test
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(line) + "\n")


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
