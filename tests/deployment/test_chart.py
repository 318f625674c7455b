"""The Helm chart: what is kept of its rendering is what it renders, and values that can't work are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from hedgerow_core.testing.plugin import NOT_PROVEN
from hedgerow_host.settings import variables_of
from tests.deployment.broken import broken
from tests.deployment.chart import CHART, VARIANTS, helm, manifests, rendered, sealed, template
from tests.deployment.test_env_example import settings_classes

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
MINE = (
    "HEDGEROW_ENV",
    "HEDGEROW_HOST",
    "HEDGEROW_PORT",
    "HEDGEROW_GRPC_HOST",
    "HEDGEROW_GRPC_PORT",
    "HEDGEROW_WORKER_PORT",
    "HEDGEROW_METRICS_HOST",
    "HEDGEROW_METRICS_PORT",
)
"""Settings that the chart itself decides on."""
with_helm = pytest.mark.skipif(
    shutil.which("helm") is None,
    reason=f"{NOT_PROVEN}that Helm renders the chart to what is kept of it (no helm on the PATH)",
)


def takes(values: Any) -> bool:
    return jsonschema_rs.validator_for(SCHEMA).is_valid(values)


def with_settings(**settings: object) -> dict[str, Any]:
    return {**VALUES, "settings": settings}


@pytest.mark.parametrize("release", VARIANTS)
def test_what_is_kept_was_rendered_of_this_chart(release: str) -> None:
    kept = rendered(release)

    assert kept == sealed(release, kept.partition("\n")[2]), "the chart has changed: make chart"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("values.yaml", "min: 2", "min: 1"),
        ("templates/api.yaml", "/livez", "/livex"),
        ("Chart.yaml", "0.1.0", "0.1.1"),
    ],
)
def test_a_chart_that_has_changed_since_is_noticed(name: str, old: str, new: str, tmp_path: Path) -> None:
    another = shutil.copytree(CHART, tmp_path / "hedgerow")
    body = rendered("hedgerow").partition("\n")[2]
    assert sealed("hedgerow", body, another) == rendered("hedgerow")

    (another / name).write_text(broken((another / name).read_text(), old, new))

    assert sealed("hedgerow", body, another) != rendered("hedgerow")
    assert sealed("hedgerow", broken(body, "/livez", "/livex")) != rendered("hedgerow"), "nor by hand"


@with_helm
@pytest.mark.parametrize("release", VARIANTS)
def test_helm_renders_what_is_kept(release: str) -> None:
    done = template(release)

    assert done.returncode == 0, done.stderr
    assert manifests(done.stdout) == manifests(rendered(release))
    assert manifests(template(release, "--set=secret=other").stdout) != manifests(rendered(release)), "the twin"


@with_helm
def test_helm_finds_nothing_to_lint(tmp_path: Path) -> None:
    linted = helm("lint", "--strict", CHART)
    assert linted.returncode == 0, linted.stdout

    another = shutil.copytree(CHART, tmp_path / "hedgerow")
    (another / "templates/api.yaml").write_text("kind: {{ .Values.nowhere.at.all }}")
    assert helm("lint", "--strict", another).returncode != 0


@with_helm
def test_helm_refuses_more_replicas_at_least_than_at_most() -> None:
    refused = template("hedgerow", "--set=api.replicas.min=9")

    assert refused.returncode != 0
    assert "api.replicas: max is 6, and min is 9; make max at least as large" in refused.stderr


def test_the_schema_is_one_and_takes_the_values_of_the_chart() -> None:
    checked = subprocess.run(
        ["check-jsonschema", "--check-metaschema", CHART / "values.schema.json"], capture_output=True, check=False
    )

    assert checked.returncode == 0, checked.stdout
    assert takes(VALUES)
    assert takes(with_settings(HEDGEROW_RATE_LIMIT_PER_MINUTE="1200"))


def set_to(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        *folders, name = path.split(".")
        for folder in folders:
            values = values[folder]
        values[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_to("secret", ""),
        set_to("secret", {"USERS_SECRET": "in the clear"}),
        set_to("image.tag", "latest"),
        set_to("image.repository", ""),
        set_to("apii", {}),
        set_to("api.replicas", 3),
        set_to("grpc", "yes"),
        set_to("worker.replicas.min", 0),
        set_to("worker.resources.limits", {"cpu": "1"}),
        set_to("migrate.timeoutSeconds", "120"),
        set_to("network.outward", []),
        set_to("network.outward", ["5432"]),
        set_to("settings.HEDGEROW_RATE_LIMIT_PER_MINUTE", 1_000_000),
        set_to("settings.users_cookies", "true"),
    ],
)
def test_values_that_cannot_work_are_refused(change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads(json.dumps(VALUES))
    assert takes(values)

    change(values)

    assert not takes(values)


KEEPS_A_SECRET = ("SecretStr", "DatabaseAddress", "SmtpAddress", "IdentityProvider", "_broker", "_redis", "_stream")
"""What stands in the type of a setting, or in what validates it, whose value may hold a secret."""


@cache
def settings_by_secrecy() -> tuple[set[str], set[str]]:
    """Variables in which a secret may stand, and all others."""
    secret, others = set(), set()
    for holder in settings_classes():
        for variable, field in zip(variables_of(holder), holder.model_fields.values(), strict=True):
            told = repr((field.annotation, field.metadata))
            (secret if any(kind in told for kind in KEEPS_A_SECRET) else others).add(variable)
    return secret, others


def test_no_secret_can_be_written_into_the_values() -> None:
    secret, others = settings_by_secrecy()
    assert {"HEDGEROW_DATABASE_URL", "HEDGEROW_BROKER_URL", "USERS_SECRET", "USERS_SMTP_URL"} <= secret

    assert [variable for variable in secret if takes(with_settings(**{variable: "x"}))] == []
    assert {variable for variable in others if not takes(with_settings(**{variable: "x"}))} == set(MINE)


def test_the_chart_is_of_this_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "host/pyproject.toml").read_text())["project"]["version"]

    assert (chart["appVersion"], chart["version"]) == (version, version)
