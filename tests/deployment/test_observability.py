"""The profile `observability` of compose.yaml fits together: what is scraped is served, what is mounted exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deployment.broken import broken

ROOT = Path(__file__).parents[2]
FILES = {
    "compose": "compose.yaml",
    "scraping": "ops/prometheus/prometheus.yaml",
    "sources": "ops/grafana/provisioning/datasources/hedgerow.yaml",
    "pages": "ops/grafana/provisioning/dashboards/hedgerow.yaml",
    "tempo": "ops/tempo.yaml",
    "dockerfile": "Dockerfile",
}
TEXTS = {name: (ROOT / path).read_text() for name, path in FILES.items()}
WATCHERS = {"prometheus", "grafana", "tempo"}
DEFAULT_PORTS = {"prometheus": 9090}
"""Where a service listens that no file of ours tells otherwise."""

Texts = Mapping[str, str]


def services(texts: Texts) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(texts["compose"])["services"]
    return found


def started_unasked(texts: Texts) -> list[str]:
    return [name for name in WATCHERS if services(texts)[name].get("profiles") != ["observability"]]


def needed_by_others(texts: Texts) -> list[str]:
    return [name for name, service in services(texts).items() if WATCHERS & service.get("depends_on", {}).keys()]


def scraped_in_vain(texts: Texts) -> list[str]:
    complaints = []
    for job in yaml.safe_load(texts["scraping"])["scrape_configs"]:
        for target in job["dns_sd_configs"]:
            for name in target["names"]:
                service = services(texts).get(name)
                if service is None:
                    complaints.append(f"{name} is no service")
                elif str(target["port"]) != service["environment"]["HEDGEROW_METRICS_PORT"]:
                    complaints.append(f"{name} serves its metrics on another port")
                elif service["environment"]["HEDGEROW_METRICS_HOST"] != "0.0.0.0":
                    complaints.append(f"{name} lets nobody at its metrics")
        if not job["job_name"].startswith("hedgerow-"):
            complaints.append(f"no alert goes by the job {job['job_name']}")
    return complaints


def never_scraped(texts: Texts) -> list[str]:
    jobs = yaml.safe_load(texts["scraping"])["scrape_configs"]
    scraped = {name for job in jobs for target in job["dns_sd_configs"] for name in target["names"]}
    return sorted({"api", "worker"} - scraped)


def not_mounted(texts: Texts) -> list[str]:
    """Folders and files that a service is given, and that are not there."""
    mounts = [volume for name in WATCHERS for volume in services(texts)[name].get("volumes", ())]
    return [mount for mount in mounts if mount.startswith("./") and not (ROOT / mount.split(":")[0]).exists()]


def inside(service: Mapping[str, Any], path: str) -> Path | None:
    """The file of ours that a container sees at this path."""
    for volume in service.get("volumes", ()):
        here, there, *_mode = volume.split(":")
        if here.startswith("./") and (path == there or path.startswith(f"{there}/")):
            return ROOT / here / path.removeprefix(there).lstrip("/")
    return None


def told_of_nothing(texts: Texts) -> list[str]:
    """Paths in commands and files that lead nowhere inside the container."""
    found = services(texts)
    paths = [
        (found[name], word.split("=")[1])
        for name in ("prometheus", "tempo")
        for word in found[name]["command"]
        if ".yaml" in word
    ]
    pages = yaml.safe_load(texts["pages"])["providers"][0]["options"]["path"]
    rules = [f"/etc/prometheus/{rule}" for rule in yaml.safe_load(texts["scraping"])["rule_files"]]
    paths += [(found["grafana"], pages), *((found["prometheus"], rule) for rule in rules)]
    return [path for service, path in paths if (seen := inside(service, path)) is None or not seen.exists()]


def asked_in_vain(texts: Texts) -> list[str]:
    tempo = yaml.safe_load(texts["tempo"])
    ports = DEFAULT_PORTS | {"tempo": tempo["server"]["http_listen_port"]}
    urls = [urlsplit(source["url"]) for source in yaml.safe_load(texts["sources"])["datasources"]]
    return [url.netloc for url in urls if ports.get(url.hostname or "") != url.port]


def traces_to_nowhere(texts: Texts) -> list[str]:
    """The comment at the top of compose.yaml says where traces go: a receiver must be there, and a sender."""
    receiver = yaml.safe_load(texts["tempo"])["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    wanted = f"HEDGEROW_OTLP_ENDPOINT=http://tempo:{receiver.split(':')[1]}"
    complaints = [] if wanted in texts["compose"] else [f"nobody is told of {wanted}"]
    syncs = [line for line in texts["dockerfile"].splitlines() if "uv sync" in line]
    return complaints + [f"no SDK by {line}" for line in syncs if "--extra telemetry" not in line]


GUARDS_AND_BREAKS: list[tuple[Callable[[Texts], list[str]], str, str, str, str]] = [
    (started_unasked, "compose", "prom/prometheus:v3.5.0\n    profiles: [observability]", "x:1", "prometheus"),
    (needed_by_others, "compose", "  api:\n", "  api:\n    depends_on: { grafana: {} }\n  x:\n", "api"),
    (scraped_in_vain, "scraping", "names: [api]", "names: [web]", "web is no service"),
    (scraped_in_vain, "compose", 'HEDGEROW_METRICS_PORT: "9464"', 'HEDGEROW_METRICS_PORT: "1"', "another port"),
    (scraped_in_vain, "compose", "HEDGEROW_METRICS_HOST: 0.0.0.0", "HEDGEROW_METRICS_HOST: 127.0.0.1", "nobody"),
    (scraped_in_vain, "scraping", "job_name: hedgerow-api", "job_name: api", "no alert"),
    (never_scraped, "scraping", "names: [worker]", "names: [api]", "worker"),
    (not_mounted, "compose", "./ops/tempo.yaml:", "./ops/temp.yaml:", "temp.yaml"),
    (told_of_nothing, "compose", "--config.file=/etc/prometheus/", "--config.file=/etc/prom/", "/etc/prom/"),
    (told_of_nothing, "pages", "/etc/hedgerow/dashboards", "/etc/dashboards", "/etc/dashboards"),
    (told_of_nothing, "scraping", "rule_files: [alerts.yaml]", "rule_files: [rules.yaml]", "rules.yaml"),
    (asked_in_vain, "sources", "http://tempo:3200", "http://tempo:3201", "tempo:3201"),
    (asked_in_vain, "sources", "http://prometheus:9090", "http://prom:9090", "prom:9090"),
    (traces_to_nowhere, "tempo", "0.0.0.0:4318", "0.0.0.0:4317", "nobody is told"),
    (
        traces_to_nowhere,
        "dockerfile",
        "--locked --no-dev --no-editable --all-packages --extra grpc --extra telemetry",
        "",
        "SDK",
    ),
]
GUARDS = list(dict.fromkeys(guard for guard, *_ in GUARDS_AND_BREAKS))


@pytest.mark.parametrize("guard", GUARDS)
def test_the_profile_keeps_the_rule(guard: Callable[[Texts], list[str]]) -> None:
    assert guard(TEXTS) == []


@pytest.mark.parametrize(("guard", "file", "old", "new", "complaint"), GUARDS_AND_BREAKS)
def test_a_broken_copy_is_noticed(
    guard: Callable[[Texts], list[str]], file: str, old: str, new: str, complaint: str
) -> None:
    complaints = guard({**TEXTS, file: broken(TEXTS[file], old, new)})

    assert any(complaint in found for found in complaints), complaints
