"""The files that are made out of the metrics, by where they lie in the folder of operations."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hedgerow_host.dashboards.alerts import alerts, as_yaml
from hedgerow_host.dashboards.pages import pages

MADE_BY = "# Made by `hedgerow metrics write`: a change in here is lost.\n"


def files() -> Mapping[str, str]:
    """What each of them says."""
    dashboards = {
        f"grafana/dashboards/{name}.json": json.dumps(page, indent=2, ensure_ascii=False) + "\n"
        for name, page in pages().items()
    }
    return dashboards | {"prometheus/alerts.yaml": MADE_BY + as_yaml(alerts())}
