"""The metrics that processes offer to Prometheus: name, labels, type, meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from hedgerow_core.observability.metrics import LedgerGauge
from hedgerow_host.markdown import code, codes, paragraph, table
from hedgerow_host.reference.words import Words

INTRO = """Served for Prometheus on `HEDGEROW_METRICS_PORT`, at any path. Labels are names of contexts,
subscriptions (a task is a subscription of that name) and queries, never ids. Gauges of the ledger tell how it
stood at the last look, at most 30 s ago; every process of a context tells the same, so take the maximum, not
the sum. The others count what one process did."""


def metrics_page(registry: CollectorRegistry, gauges: Iterable[LedgerGauge], words: Words) -> Iterator[str]:
    """All that is counted in the registry, and the gauges of the ledger."""
    counted = {*registry._names_to_collectors.values()}  # the registry tells labels of what has samples, alone
    rows = [row for one in counted if isinstance(one, MetricWrapperBase) for row in _counted(one, words)]
    rows += [_row(gauge.name, gauge.labels, "gauge", gauge.meaning, words) for gauge in gauges]
    yield "# Metrics"
    yield paragraph(INTRO)
    yield table(("metric", "labels", "type", "meaning"), sorted(rows))


def _counted(metric: MetricWrapperBase, words: Words) -> Iterator[tuple[str, str, str, str]]:
    for family in metric.describe():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield _row(name, metric._labelnames, family.type, family.documentation, words)


def _row(name: str, labels: Iterable[str], kind: str, meaning: str, words: Words) -> tuple[str, str, str, str]:
    said = words.wanted(
        meaning,
        f"the metric {name}",
        fix="say in its documentation, the second argument, what it counts and in what",
    )
    return code(name), codes(labels), kind, said
