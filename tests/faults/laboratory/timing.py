"""What the time of answers tells: samples of two kinds, and how well they can be told apart by it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TELLS_NOTHING = 0.05
"""So far from a half may the chance be that the slower of two answers is the one about the known address."""
Z = 3.6
"""One-sided 0.1% over three routes in two directions (Bonferroni): so seldom is a sound build called unsound."""


def auc(one: Sequence[float], other: Sequence[float]) -> float:
    """The chance that one of the first took longer than one of the second (Mann-Whitney U, ties count half)."""
    ranked = sorted(other)
    below = sum(bisect_left(ranked, value) + bisect_right(ranked, value) for value in one)
    return below / 2 / len(one) / len(other)


def deviation(one: int, other: int) -> float:
    """Standard deviation of the statistic for samples of this size that don't differ."""
    return math.sqrt((one + other + 1) / (12 * one * other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Indistinct:
    """What was found about the answers of routes, by route."""

    auc: Mapping[str, float]
    allowed: float
    """Distance from a half."""
    differing: Sequence[str]
    """Routes whose answers differ in status, headers or body."""

    @property
    def clean(self) -> bool:
        """Whether nothing tells the two kinds apart."""
        return not self.differing and all(abs(value - 0.5) <= self.allowed for value in self.auc.values())

    @property
    def told_by_time(self) -> int:
        """Routes whose time tells."""
        return sum(abs(value - 0.5) > self.allowed for value in self.auc.values())

    def __str__(self) -> str:
        measured = ", ".join(f"{route} {value:.3f}" for route, value in self.auc.items())
        differing = (
            f"; answers differ: {', '.join(self.differing)}" if self.differing else "; answers are identical"
        )
        colour = "green" if self.clean else "RED"
        return f"{colour}: AUC {measured}, allowed 0.5 ± {self.allowed:.3f}{differing}"
