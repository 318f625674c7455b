"""What a Grafana dashboard is made of, in its own JSON (schema 39, read by Grafana 10 and later)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA = 39
COLUMNS = 24
HEIGHT = 8
SOURCE = {"type": "prometheus", "uid": "${source}"}
"""Whichever Prometheus is chosen at the top of the page."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A query, and what its lines are called: `{{label}}` stands for what a label holds."""

    query: str
    called: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One figure of a page."""

    title: str
    meaning: str
    lines: Sequence[Line]
    unit: str = "short"
    """In Grafana's terms: `s`, `bytes`, `percentunit`, `ops`, `short`."""
    alone: bool = False
    """One number instead of a curve: 0 is well, anything above is not."""
    width: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: Sequence[Panel]


def dashboard(uid: str, title: str, rows: Iterable[Row], *, choices: Sequence[Json] = ()) -> dict[str, Any]:
    """A page. `choices` are what its reader may choose at the top, besides the Prometheus."""
    return {
        "uid": uid,
        "title": title,
        "tags": ["hedgerow"],
        "schemaVersion": SCHEMA,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "links": [
            {"type": "dashboards", "tags": ["hedgerow"], "title": "Hedgerow", "asDropdown": True, "keepTime": True}
        ],
        "templating": {"list": [_choice_of_source(), *choices]},
        "panels": list(_laid_out(rows)),
    }


def choice(name: str, label: str, metric: str) -> dict[str, Any]:
    """A choice among what stands in a label of a metric; all of it, unless somebody chooses."""
    query = f"label_values({metric}, {label})"
    return {
        "type": "query",
        "name": name,
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }


def _choice_of_source() -> dict[str, Any]:
    return {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus"}


def _laid_out(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """From left to right, and further down where there is no room; each with a number."""
    number, top = 0, 0
    for row in rows:
        number += 1
        yield {
            "type": "row",
            "id": number,
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        }
        left, top = 0, top + 1
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top = 0, top + HEIGHT
            number += 1
            yield _drawn(panel) | {
                "id": number,
                "gridPos": {"x": left, "y": top, "w": panel.width, "h": HEIGHT},
            }
            left += panel.width
        top += HEIGHT


def _drawn(panel: Panel) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}, *([{"color": "red", "value": 0.000001}] if panel.alone else [])]
    return {
        "type": "stat" if panel.alone else "timeseries",
        "title": panel.title,
        "description": panel.meaning,
        "datasource": SOURCE,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": line.query, "legendFormat": line.called}
            for number, line in enumerate(panel.lines)
        ],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"]}}
        if panel.alone
        else {"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}},
    }
