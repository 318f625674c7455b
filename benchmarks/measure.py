"""Measuring side by side: A B A B …, medians and spread, and a verdict on each floor. Knows nothing of Hedgerow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from statistics import median

Side = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Series:
    """What one side measured, round by round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The value that stands for the side."""
        return median(self.values)

    def __str__(self) -> str:
        spread = f"{_short(min(self.values))}\N{EN DASH}{_short(max(self.values))}"
        return _short(self.median) if len(self.values) == 1 else f"{_short(self.median)} ({spread})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the table: a figure, and the floor (or ceiling) that it must keep."""

    name: str
    subject: Series
    yardstick: Series | None = None
    unit: str
    figure: float
    """What is held against the limit: a ratio, or the subject's median."""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the limit is kept; a line without a limit is there to be read."""
        if self.at_least is not None:
            return self.figure >= self.at_least
        return self.at_most is None or self.figure <= self.at_most

    @property
    def limit(self) -> str:
        """The limit in words of mathematics."""
        if self.at_least is not None:
            return f"≥ {_short(self.at_least)}"
        return "\N{EN DASH}" if self.at_most is None else f"≤ {_short(self.at_most)}"

    @property
    def row(self) -> tuple[str, ...]:
        """The line as cells."""
        verdict = "ok" if self.kept else "MISSED"
        yardstick = "\N{EN DASH}" if self.yardstick is None else str(self.yardstick)
        return (
            self.name,
            f"{self.subject} {self.unit}",
            yardstick,
            _short(self.figure),
            self.limit,
            verdict if self.limit != "\N{EN DASH}" else "",
        )


HEADER = ("benchmark", "subject", "yardstick", "figure", "limit", "verdict")


async def alternating(sides: Mapping[str, Side], rounds: int) -> dict[str, Series]:
    """Run the sides in turns, so that what slows the machine down for a while slows down all of them."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            values[name].append(await side())
    return {name: Series(tuple(measured)) for name, measured in values.items()}


def ratio_of(subject: Series, yardstick: Series) -> float:
    """How the sides compare: the median of the rounds' own ratios, because a round's sides share its weather."""
    return median(one / other for one, other in zip(subject.values, yardstick.values, strict=True))


def table(results: list[Result]) -> str:
    """The results as a Markdown table with aligned columns."""
    rows = [HEADER, *(result.row for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _short(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"
