"""Dashboards and alerts are what the metrics make of them, and ask for nothing that there is not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from hedgerow_core.messaging.health import Matter
from hedgerow_core.observability.catalogue import PROCESS, metrics
from hedgerow_core.observability.labels import LABELS
from hedgerow_host.cli.verbs import app
from hedgerow_host.dashboards.queries import largest, quantile, rate
from tests.deployment.promql import SERIES, Wrong, labels_in, placeholders, series_in
from tests.docs.markdown import headings_in

ROOT = Path(__file__).parents[2]
OPS = ROOT / "ops"
PAGES = sorted((OPS / "grafana/dashboards").glob("*.json"))
RULES = OPS / "prometheus/alerts.yaml"
PROMTOOL = shutil.which("promtool")


def targets_of(page: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every query of a page, and what its lines are called."""
    for panel in page["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"], target["legendFormat"]


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def complaints(query: str, text: str) -> list[str]:
    try:
        labels = labels_in(query)
    except Wrong as wrong:
        return [f"{query}: {wrong}"]
    return [f"{query}: its answer has no {label}" for label in placeholders(text) if label not in labels]


def test_the_files_are_what_the_metrics_make_of_them(tmp_path: Path) -> None:
    fresh = CliRunner().invoke(app, ["metrics", "write", str(OPS), "--check"])
    for path in [*PAGES, RULES]:
        copy = tmp_path / path.relative_to(OPS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text().replace("hedgerow_alarm", "hedgerow_alarms"))
    outdated = CliRunner().invoke(app, ["metrics", "write", str(tmp_path), "--check"])

    assert fresh.exit_code == 0, fresh.output
    assert outdated.exit_code == 1
    assert "overview.json" in outdated.output
    assert "alerts.yaml" in outdated.output


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_dashboard_asks_for_what_there_is(path: Path) -> None:
    asked = list(targets_of(json.loads(path.read_text())))

    assert len(asked) > 2
    assert [found for query, called in asked for found in complaints(query, called)] == []


def test_an_alert_asks_for_what_there_is() -> None:
    assert [found for rule in rules() for found in complaints(rule["expr"], rule["annotations"]["summary"])] == []


@pytest.mark.parametrize(
    ("query", "text", "complaint"),
    [
        ("hedgerow_alarms", "", "there is no hedgerow_alarms"),
        ("rate(hedgerow_effects[5m])", "", "there is no hedgerow_effects"),
        ("sum by (route) (rate(hedgerow_effects_total[5m]))", "", "nothing to group by route"),
        ('hedgerow_alarm{subscriber="a"}', "", "has no label subscriber"),
        ('hedgerow_alarm{what="old"}', "", "what is never old"),
        ("sum by (context) (hedgerow_alarm)", "{{subscription}}", "has no subscription"),
        ("sum(hedgerow_alarm) / sum by (context) (hedgerow_alarm)", "", "no pairs"),
        ("rate(hedgerow_effects_total)", "", "can't be read"),
        ("sum(hedgerow_alarm", "", "can't be read"),
    ],
)
def test_a_query_for_what_there_is_not_is_noticed(query: str, text: str, complaint: str) -> None:
    assert complaint in "".join(complaints(query, text))


def test_every_metric_is_on_some_dashboard() -> None:
    asked = {
        series
        for path in PAGES
        for query, _called in targets_of(json.loads(path.read_text()))
        for series in series_in(query)
    }
    shown = {metric.name for metric in metrics().values() if asked & metric.series.keys()}

    assert shown == metrics().keys()
    assert "hedgerow_made_up" not in SERIES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_dashboard_is_one_that_grafana_can_lay_out(path: Path) -> None:
    page = json.loads(path.read_text())
    places = [panel["gridPos"] for panel in page["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert page["uid"] == f"hedgerow-{path.stem}"
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    assert len(set(cells)) == len(cells), "two panels share a place"
    assert max(x for x, _y in cells) < 24
    assert all(panel["description"] for panel in page["panels"] if panel["type"] != "row")


def test_a_choice_is_among_what_a_label_holds() -> None:
    asked = [
        re.fullmatch(r"label_values\((\w+), (\w+)\)", choice["definition"])
        for path in PAGES
        for choice in json.loads(path.read_text())["templating"]["list"]
        if choice["type"] == "query"
    ]

    assert len(asked) == 2
    assert all(found and found[2] in SERIES[found[1]] for found in asked)


def test_every_matter_has_an_alert() -> None:
    rung = re.findall(r'what=~"(\w+)"', " ".join(rule["expr"] for rule in rules()))

    assert sorted(rung) == sorted(Matter) == sorted(LABELS["what"].words or ())


def test_an_alert_has_a_section_that_says_what_to_do() -> None:
    for rule in rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = headings_in((ROOT / page).read_text())

        assert rule["alert"] in headings
        assert anchor == rule["alert"].lower()
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert "HedgerowMadeUp" not in headings, "the twin"


def test_a_builder_refuses_what_there_is_not() -> None:
    with pytest.raises(LookupError, match="no metric hedgerow_made_up"):
        rate("hedgerow_made_up")
    with pytest.raises(ValueError, match="has no label route"):
        rate("hedgerow_effects_total", "route")
    with pytest.raises(ValueError, match="what is never old"):
        largest("hedgerow_alarm", what="old")
    with pytest.raises(ValueError, match="is a gauge"):
        rate("hedgerow_alarm")
    with pytest.raises(ValueError, match="is no gauge"):
        largest("hedgerow_effects_total")
    with pytest.raises(ValueError, match="is no histogram"):
        quantile(0.5, "hedgerow_effects_total")


def test_what_is_told_of_a_process_is_what_the_library_tells() -> None:
    from prometheus_client import CollectorRegistry, ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    told = {sample.name for family in registry.collect() for sample in family.samples}

    assert {metric.name for metric in PROCESS} <= told


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not on the PATH: Debian has it in its package prometheus")
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "--lint=all", "--lint-fatal", str(RULES)),
        ("check", "config", "--syntax-only", str(OPS / "prometheus/prometheus.yaml")),
        ("test", "rules", str(Path(__file__).with_name("alerts_ring.yaml"))),
    ],
    ids=["rules", "configuration", "ringing"],
)
def test_prometheus_own_tool_has_no_complaint(arguments: tuple[str, ...]) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
