"""The metrics that processes offer to Prometheus: name, labels, type, meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry

from hedgerow_core.observability.catalogue import PROCESS, Metric, metrics
from hedgerow_core.observability.labels import LABELS
from hedgerow_core.observability.metrics import LedgerGauge
from hedgerow_host.markdown import code, codes, paragraph, table
from hedgerow_host.reference.words import Words

INTRO = """Served for Prometheus on `HEDGEROW_METRICS_PORT`, at any path. `hedgerow metrics write` makes dashboards
and alerts of them. Gauges of the ledger tell how it stood at the last look, at most 30 s ago; every process of a
context tells the same, so take the maximum, not the sum. The others tell of one process."""
LABELS_INTRO = """No label holds an id. What stands in one is a few words, or as many names as the hosted contexts
declare:"""
PROCESS_INTRO = """The library tells some of the process itself, where there is a `/proc`:"""
MANY = 20
"""Words that are too many to list."""


def metrics_page(registry: CollectorRegistry, gauges: Sequence[LedgerGauge], words: Words) -> Iterator[str]:
    """All that is counted in the registry, the gauges of the ledger, and what stands in labels."""
    yield "# Metrics"
    yield paragraph(INTRO)
    yield table(
        ("metric", "labels", "type", "meaning"),
        [_row(metric, words) for metric in metrics(registry, gauges).values()],
    )
    yield paragraph(PROCESS_INTRO)
    yield table(("of the process", "type", "meaning"), [(m.name, str(m.kind), m.meaning) for m in PROCESS])
    yield paragraph(LABELS_INTRO)
    yield table(("label", "what stands in it"), [(name, _held(name)) for name in sorted(LABELS)])


def _row(metric: Metric, words: Words) -> tuple[str, str, str, str]:
    said = words.wanted(
        metric.meaning,
        f"the metric {metric.name}",
        fix="say in its documentation, the second argument, what it counts and in what",
    )
    return code(metric.name), codes(metric.labels), str(metric.kind), said


def _held(label: str) -> str:
    """The words that may stand in it, if they are not too many."""
    declared = LABELS[label]
    some = sorted(declared.words or ()) if len(declared.words or ()) <= MANY else []
    return f"{declared.meaning[0].upper()}{declared.meaning[1:]}{f': {codes(some)}' if some else ''}."
