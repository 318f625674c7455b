"""A histogram for where a microsecond counts: without locks, because one event loop alone counts in it.

The library's own takes two locks and a walk through its buckets. What Prometheus gets is the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import final

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


@final
class Series:
    """What was observed under one set of labels."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        """Count it. For one thread alone."""
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """How many lie below each bound, and their sum, as Prometheus wants it. From any thread."""
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(bounds, map(float, accumulate(list(self._counts))), strict=True)), self._sum


@final
class Tally(Collector):
    """The histogram: a series for each set of labels that was met."""

    def __init__(
        self,
        name: str,
        meaning: str,
        labels: tuple[str, ...],
        *,
        buckets: Sequence[float],
        unit: str,
        registry: CollectorRegistry,
    ) -> None:
        self.name, self.meaning, self.labels, self.unit = name, meaning, labels, unit
        self.series: dict[tuple[str, ...], Series] = {}
        self._buckets = buckets
        registry.register(self)

    def of(self, *labels: str) -> Series:
        """The series under these labels, which begins if there is none."""
        return self.series.setdefault(labels, Series(self._buckets))

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """What it is called, so that the registry lets nobody else be called so."""
        yield HistogramMetricFamily(self.name, self.meaning, labels=self.labels, unit=self.unit)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus gets."""
        (family,) = self.describe()
        for labels, series in dict(self.series).items():
            below, total = series.told()
            family.add_metric(labels, below, total)
        yield family
