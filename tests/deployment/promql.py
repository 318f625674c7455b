"""Reads PromQL with a parser that is not ours, and holds it against the metrics that there are."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping

import promql_parser as promql

from hedgerow_core.observability.catalogue import PROCESS, metrics
from hedgerow_core.observability.labels import LABELS

TARGET = frozenset({"job", "instance"})
"""What Prometheus itself adds to whatever it scrapes."""
SERIES: dict[str, frozenset[str]] = {
    name: frozenset(labels) | TARGET
    for metric in (*metrics().values(), *PROCESS)
    for name, labels in metric.series.items()
} | {"up": TARGET}
_VARIABLE = re.compile(r"\$\w+")


class Wrong(Exception):
    """The query names what there is not."""


def labels_in(query: str) -> frozenset[str]:
    """The labels that the answer to this query has.

    Raises:
        Wrong: it can't be read, or names a metric, a label or a word that there is not.
    """
    try:
        return _labels(promql.parse(query.replace("$__rate_interval", "5m")))
    except ValueError as error:
        raise Wrong(f"can't be read: {error}") from error


def series_in(query: str) -> set[str]:
    """The time series that it names."""
    return {found for found in re.findall(r"[a-z_]+", query) if found in SERIES}


def _labels(node: promql.Expr) -> frozenset[str]:
    match node:
        case promql.VectorSelector():
            return _of_series(node)
        case promql.MatrixSelector():
            return _of_series(node.vector_selector)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return _labels(node.expr)
        case promql.AggregateExpr():
            return _of_group(node)
        case promql.Call():
            found = frozenset[str]().union(*map(_labels, node.args))
            return found - {"le"} if node.func.name == "histogram_quantile" else found
        case promql.BinaryExpr():
            return _of_two(node)
        case _:
            return frozenset()


def _of_series(selector: promql.VectorSelector) -> frozenset[str]:
    if selector.name not in SERIES:
        raise Wrong(f"there is no {selector.name}")
    labels = SERIES[selector.name]
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels:
            raise Wrong(f"{selector.name} has no label {matcher.name}")
        words = LABELS[matcher.name].words if matcher.name in LABELS else None
        named = not _VARIABLE.search(matcher.value)
        if words and named and not any(re.fullmatch(matcher.value, word) for word in words):
            raise Wrong(f"{matcher.name} is never {matcher.value}")
    return labels


def _of_group(node: promql.AggregateExpr) -> frozenset[str]:
    inside = _labels(node.expr)
    if node.modifier is None:
        return inside if "topk" in node.prettify().split("(", 1)[0] else frozenset()
    by = frozenset(node.modifier.labels)
    if not by <= inside:
        raise Wrong(f"nothing to group by {', '.join(sorted(by - inside))}")
    return by


def _of_two(node: promql.BinaryExpr) -> frozenset[str]:
    left, right = _labels(node.lhs), _labels(node.rhs)
    numbers = [side for side in (node.lhs, node.rhs) if isinstance(side, promql.NumberLiteral)]
    if not numbers and left != right:
        raise Wrong(f"no pairs: one side has {sorted(left)}, the other {sorted(right)}")
    return left | right


def placeholders(text: str) -> Iterator[str]:
    """Labels that a legend or a summary shows."""
    yield from re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", text)


Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""What a scrape has told, by name and labels."""
_COMPARED = {"==": operator.eq, ">": operator.gt}


def ringing_in(query: str, samples: Samples) -> list[dict[str, str]]:
    """For which labels an alert rings that compares the largest of a gauge, as it stands right now, with a number.

    Raises:
        Wrong: it is of another kind; promtool plays those.
    """
    node = promql.parse(query)
    match node:
        case promql.BinaryExpr(lhs=promql.AggregateExpr(expr=promql.VectorSelector()) as largest):
            compared = _COMPARED[re.fullmatch(r".*\) (\S+) [\d.]+", query)[1]]  # type: ignore[index]
        case _:
            raise Wrong(f"{query} is no largest of a gauge")
    found: dict[frozenset[tuple[str, str]], float] = {}
    for (name, labels), value in samples.items():
        if name == largest.expr.name and _matches(largest.expr, dict(labels)):
            group = frozenset(item for item in labels if item[0] in largest.modifier.labels)
            found[group] = max(value, found.get(group, value))
    return [dict(group) for group, value in found.items() if compared(value, node.rhs.val)]


def _matches(selector: promql.VectorSelector, labels: Mapping[str, str]) -> bool:
    return all(re.fullmatch(each.value, labels[each.name]) for each in selector.matchers.matchers)
