"""Every metric as Prometheus knows it, read from the registry. Reference, dashboards and alerts come from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from hedgerow_core.observability.metrics import LEDGER_GAUGES, REGISTRY, LedgerGauge
from hedgerow_core.observability.tallies import Tally


class Kind(StrEnum):
    """How a metric is to be read."""

    COUNTER = "counter"
    """Only ever grows: look at its rate."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    """Counts observations by size: look at quantiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    """As it stands in a query; a histogram's without `_bucket`, `_sum` or `_count`."""
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    unit: str
    """`seconds`, `bytes`; empty for what is counted."""

    @property
    def series(self) -> Mapping[str, tuple[str, ...]]:
        """The time series that a query may name, with their labels."""
        if self.kind is not Kind.HISTOGRAM:
            return {self.name: self.labels}
        return {
            f"{self.name}_bucket": (*self.labels, "le"),
            f"{self.name}_sum": self.labels,
            f"{self.name}_count": self.labels,
        }


PROCESS = (
    Metric(
        name="process_cpu_seconds_total",
        kind=Kind.COUNTER,
        meaning="Processor time that the process has used.",
        labels=(),
        unit="seconds",
    ),
    Metric(
        name="process_resident_memory_bytes",
        kind=Kind.GAUGE,
        meaning="Memory that the process holds.",
        labels=(),
        unit="bytes",
    ),
)
"""What the library tells of the process where there is a /proc, under names that it shares with everybody."""


def metrics(
    registry: CollectorRegistry = REGISTRY, read: Sequence[LedgerGauge] = LEDGER_GAUGES
) -> dict[str, Metric]:
    """All of ours, by name: those in the registry, and those that are `read` from the ledger."""
    found = [*_counted_in(registry), *map(_read_from_the_ledger, read)]
    return {metric.name: metric for metric in sorted(found, key=lambda metric: metric.name)}


def _counted_in(registry: CollectorRegistry) -> Iterator[Metric]:
    # By name, a collector stands there several times; the library has no public list of them, nor of labels.
    for collector in {id(each): each for each in registry._names_to_collectors.values()}.values():
        if isinstance(collector, Tally):
            yield _tallied(collector)
        if not isinstance(collector, MetricWrapperBase):
            continue
        for family in collector.describe():
            yield Metric(
                name=f"{family.name}_total" if family.type == "counter" else family.name,
                kind=Kind(family.type),
                meaning=family.documentation,
                labels=tuple(collector._labelnames),
                unit=family.unit,
            )


def _tallied(tally: Tally) -> Metric:
    return Metric(name=tally.name, kind=Kind.HISTOGRAM, meaning=tally.meaning, labels=tally.labels, unit=tally.unit)


def _read_from_the_ledger(gauge: LedgerGauge) -> Metric:
    return Metric(name=gauge.name, kind=Kind.GAUGE, meaning=gauge.meaning, labels=gauge.labels, unit=gauge.unit)
