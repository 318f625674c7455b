"""PromQL, built from metrics of the catalogue: a label that one lacks, or a word that none may hold, is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from hedgerow_core.observability.catalogue import PROCESS, Kind, Metric, metrics
from hedgerow_core.observability.labels import LABELS

ON_SCREEN = "$__rate_interval"
"""As far back as Grafana thinks fit for what is shown."""
_VARIABLE = re.compile(r"\$\w+")
_KNOWN = metrics() | {metric.name: metric for metric in PROCESS}


def metric(name: str) -> Metric:
    """The metric of this name.

    Raises:
        LookupError: there is none.
    """
    if name not in _KNOWN:
        raise LookupError(f"there is no metric {name}: `hedgerow metrics list` has all of them")
    return _KNOWN[name]


def rate(name: str, *by: str, over: str = ON_SCREEN, **where: str) -> str:
    """How often a second: of a counter, or of what a histogram has observed. All processes together."""
    return _grouped("sum", by, f"rate({_selected(_counted(metric(name)), name, by, where)}[{over}])")


def increase(name: str, *by: str, over: str, **where: str) -> str:
    """How often in this time."""
    return _grouped("sum", by, f"increase({_selected(_counted(metric(name)), name, by, where)}[{over}])")


def quantile(share: float, name: str, *by: str, over: str = ON_SCREEN, **where: str) -> str:
    """What this share of the observations of a histogram stays below.

    Raises:
        ValueError: it is none.
    """
    if metric(name).kind is not Kind.HISTOGRAM:
        raise ValueError(f"{name} is no histogram, and has no quantiles")
    buckets = _selected(f"{name}_bucket", name, by, where)
    return f"histogram_quantile({share}, {_grouped('sum', ('le', *by), f'rate({buckets}[{over}])')})"


def spent(name: str, *by: str, over: str = ON_SCREEN, **where: str) -> str:
    """How many seconds of every second go there: what is fast and frequent weighs as much as the slow and rare."""
    if metric(name).kind is not Kind.HISTOGRAM:
        raise ValueError(f"{name} is no histogram, and sums nothing up")
    return _grouped("sum", by, f"rate({_selected(f'{name}_sum', name, by, where)}[{over}])")


def largest(name: str, *by: str, **where: str) -> str:
    """Of a gauge that every process tells alike, or of which the worst counts."""
    return _grouped("max", by, _selected(_gauge(name), name, by, where))


def smallest(name: str, *by: str, **where: str) -> str:
    """Of a gauge of which it is enough that one process is well off."""
    return _grouped("min", by, _selected(_gauge(name), name, by, where))


def total(name: str, *by: str, **where: str) -> str:
    """Of a gauge that every process tells of itself."""
    return _grouped("sum", by, _selected(_gauge(name), name, by, where))


def counted(name: str, *by: str, **where: str) -> str:
    """How often since the processes started. For what should never be: of a first time, no rate knows.

    Raises:
        ValueError: it is no counter.
    """
    if metric(name).kind is not Kind.COUNTER:
        raise ValueError(f"{name} is no counter")
    return _grouped("sum", by, _selected(name, name, by, where))


def share(part: str, whole: str) -> str:
    """How much of the whole it is. Nothing of nothing is nothing: there is no sample then."""
    return f"{part} / {whole}"


def _counted(found: Metric) -> str:
    if found.kind is Kind.GAUGE:
        raise ValueError(f"{found.name} is a gauge: it has no rate")
    return f"{found.name}_count" if found.kind is Kind.HISTOGRAM else found.name


def _gauge(name: str) -> str:
    if metric(name).kind is not Kind.GAUGE:
        raise ValueError(f"{name} is no gauge: ask for its rate, or its quantiles")
    return name


def _selected(series: str, name: str, by: Iterable[str], where: dict[str, str]) -> str:
    labels = metric(name).labels
    for label in (*by, *where):
        if label not in labels:
            raise ValueError(f"{name} has no label {label}: it has {', '.join(labels) or 'none'}")
    for label, wanted in where.items():
        _demand_word(label, wanted)
    matchers = ", ".join(f"{label}=~{json.dumps(wanted)}" for label, wanted in where.items())
    return f"{series}{{{matchers}}}" if matchers else series


def _demand_word(label: str, wanted: str) -> None:
    """A matcher that matches nothing that the label may hold is a slip of the pen."""
    words = LABELS[label].words
    if words is None or _VARIABLE.search(wanted):
        return
    if not any(re.fullmatch(wanted, word) for word in words):
        raise ValueError(f"{label} is never {wanted}: it is one of {', '.join(sorted(words))}")


def _grouped(how: str, by: Iterable[str], inner: str) -> str:
    names = ", ".join(by)
    return f"{how} by ({names}) ({inner})" if names else f"{how}({inner})"
