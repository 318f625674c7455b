"""What the chart deploys is valid for Kubernetes, and fits the command, its settings and its routes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
from typer.testing import CliRunner

from hedgerow_host.api import create_app
from hedgerow_host.catalog import compose
from hedgerow_host.cli.verbs import app
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.watch import Watch
from tests.deployment.broken import broken
from tests.deployment.chart import VARIANTS, Manifest, containers, manifests, pods, rendered, variables
from tests.deployment.test_chart import MINE, settings_by_secrecy

OLDEST, NEWEST = "1.30", "1.37"
"""The Kubernetes that the chart asks for at least, and the newest whose schemas we have."""


def unknown_to_kubernetes(found: list[Manifest]) -> Iterator[str]:
    for version in (OLDEST, NEWEST):
        for one in found:
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{one['kind']} {one['metadata']['name']}: {error.message}"


def missing_parts(found: list[Manifest]) -> Iterator[str]:
    there = {(one["kind"], one["metadata"]["labels"]["app.kubernetes.io/component"]) for one in found}
    for role in ("api", "worker"):
        for kind in ("Deployment", "PodDisruptionBudget", "NetworkPolicy"):
            if (kind, role) not in there:
                yield f"{role} has no {kind}"
    for role in pods(found).keys() - {"api", "worker"}:
        if ("NetworkPolicy", role) not in there:
            yield f"{role} has no NetworkPolicy"


def unscaled(found: list[Manifest]) -> Iterator[str]:
    """A number that is written down wins over the one that scaling has chosen, at every upgrade."""
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in found if one["kind"] == "HorizontalPodAutoscaler"}
    for one in (one for one in found if one["kind"] == "Deployment"):
        if ("replicas" in one["spec"]) == (one["metadata"]["name"] in scaled):
            yield f"{one['metadata']['name']} is both scaled and counted, or neither"
    yield from scaled - {one["metadata"]["name"] for one in found if one["kind"] == "Deployment"}


def unknown_commands(found: list[Manifest]) -> Iterator[str]:
    for role, container in containers(found).items():
        program, verb, *options = container["command"]
        names = [option for option in options if option.startswith("--")]
        told = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"})
        if program != "hedgerow" or verb != role or told.exit_code != 0:
            yield f"{role} runs {container['command']}"
        yield from (f"{verb} knows no {name}" for name in names if name not in told.output)


def unknown_variables(found: list[Manifest]) -> Iterator[str]:
    known = set().union(*settings_by_secrecy())
    for role, container in containers(found).items():
        yield from (f"{role}: {variable}" for variable in variables(container).keys() - known)


def wrong_ports(found: list[Manifest]) -> Iterator[str]:
    for role, container in containers(found).items():
        ports = {one["name"]: one["containerPort"] for one in container.get("ports", ())}
        read = HostSettings(
            **{  # type: ignore[arg-type] # validated by the model itself
                name.removeprefix("HEDGEROW_").lower(): value
                for name, value in variables(container).items()
                if name in MINE and name != "HEDGEROW_ENV"
            }
        )
        listens = {"http": read.port} if role == "api" else {}
        listens |= {"grpc": read.grpc_port} if read.grpc_port else {}
        listens |= {"probes": read.worker_port} if read.worker_port else {}
        listens |= {"metrics": read.metrics_port} if read.metrics_port else {}
        if ports != listens:
            yield f"{role} listens at {listens}, and says {ports}"
        doors = [read.host] if role in ("api", "worker") else []
        doors += [read.metrics_host] if read.metrics_port else []
        doors += [read.grpc_host] if read.grpc_port else []
        if {*doors} - {"0.0.0.0"}:
            yield f"nobody outside the pod of {role} gets in"
    callers = [one["name"] for one in containers(found)["api"]["ports"] if one["name"] != "metrics"]
    (service,) = (one for one in found if one["kind"] == "Service")
    if [one["targetPort"] for one in service["spec"]["ports"]] != callers:
        yield "the service leads elsewhere"
    (policy,) = (
        one for one in found if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].endswith("-api")
    )
    if [one["port"] for one in policy["spec"]["ingress"][0]["ports"]] != callers:
        yield "callers are kept out of what the service leads to"


@cache
def served() -> frozenset[str]:
    assembly, routes = compose(HostSettings())
    return frozenset(create_app(assembly, routes, Readiness(assembly, Watch(assembly))).openapi()["paths"])


def wrong_probes(found: list[Manifest]) -> Iterator[str]:
    wanted = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for role, port in {"api": "http", "worker": "probes"}.items():
        for name, path in wanted.items():
            asked = containers(found)[role].get(name, {}).get("httpGet", {})
            if asked != {"path": path, "port": port} or path not in served():
                yield f"{name} of {role} asks {asked}"


def blind_selectors(found: list[Manifest]) -> Iterator[str]:
    everybody = [pod["metadata"]["labels"] for pod in pods(found).values()]
    for one in found:
        spec = one["spec"]
        chosen = spec.get("podSelector", spec.get("selector", {})) if one["kind"] != "Pod" else {}
        wanted: Mapping[str, Any] = chosen.get("matchLabels", chosen)
        met = [labels["app.kubernetes.io/component"] for labels in everybody if wanted.items() <= labels.items()]
        if wanted and met != [one["metadata"]["labels"]["app.kubernetes.io/component"]]:
            yield f"{one['kind']} {one['metadata']['name']} is about {met}"


def late_migrations(found: list[Manifest]) -> Iterator[str]:
    jobs = [one["metadata"].get("annotations", {}) for one in found if one["kind"] == "Job"]
    if [job.get("helm.sh/hook") for job in jobs] != ["pre-install,pre-upgrade"]:
        yield "the migrations don't come before the new release"


def outages(found: list[Manifest]) -> Iterator[str]:
    for one in (one for one in found if one["kind"] == "Deployment"):
        if one["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield f"a roll of {one['metadata']['name']} takes pods away before new ones are there"


Guard = Callable[[list[Manifest]], Iterator[str]]
GUARDS_AND_BREAKS: list[tuple[Guard, str, str, str]] = [
    (unknown_to_kubernetes, "periodSeconds: 2", 'periodSeconds: "2"', "is not of type"),
    (unknown_to_kubernetes, "terminationGracePeriodSeconds", "terminationGraceSeconds", "terminationGraceSeconds"),
    (missing_parts, "kind: PodDisruptionBudget", "kind: PodBudget", "worker has no PodDisruptionBudget"),
    (missing_parts, "kind: NetworkPolicy", "kind: Policy", "migrate has no NetworkPolicy"),
    (unscaled, "kind: HorizontalPodAutoscaler", "kind: Autoscaler", "is both scaled and counted, or neither"),
    (unscaled, "  strategy:", "  replicas: 2\n  strategy:", "is both scaled and counted, or neither"),
    (unknown_commands, "command: [hedgerow, worker]", "command: [hedgerow, work]", "worker runs"),
    (unknown_commands, "--timeout", "--patience", "migrate knows no --patience"),
    (unknown_variables, "HEDGEROW_METRICS_PORT", "HEDGEROW_METRIC_PORT", "worker: HEDGEROW_METRIC_PORT"),
    (wrong_ports, "containerPort: 8000", "containerPort: 80", "api listens at"),
    (wrong_ports, 'value: "9090"', 'value: "9091"', "worker listens at"),
    (wrong_ports, "value: 0.0.0.0", "value: 127.0.0.1", "nobody outside the pod of worker"),
    (wrong_ports, "targetPort: http", "targetPort: metrics", "the service leads elsewhere"),
    (wrong_probes, "/livez", "/readyz", "livenessProbe of api asks"),
    (wrong_probes, "/readyz", "/health", "readinessProbe of worker asks"),
    (blind_selectors, "component: worker\n  policyTypes", "component: werker\n  policyTypes", "is about []"),
    (blind_selectors, "    app.kubernetes.io/component: api\n  ports", "  ports", "Service hedgerow-api is about"),
    (late_migrations, "pre-install,pre-upgrade", "post-upgrade", "before the new release"),
    (late_migrations, "kind: Job", "kind: Task", "before the new release"),
    (outages, "maxUnavailable: 0", "maxUnavailable: 1", "hedgerow-worker takes pods away"),
]
GUARDS = list(dict.fromkeys(guard for guard, *_ in GUARDS_AND_BREAKS))


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("release", VARIANTS)
def test_what_is_deployed_keeps_the_rule(guard: Guard, release: str) -> None:
    assert [*guard(manifests(rendered(release)))] == []


@pytest.mark.parametrize(("guard", "old", "new", "complaint"), GUARDS_AND_BREAKS)
def test_a_broken_copy_is_noticed(guard: Guard, old: str, new: str, complaint: str) -> None:
    complaints = guard(manifests(broken(rendered("hedgerow"), old, new)))

    assert any(complaint in found for found in complaints)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("containerPort: 50051", "containerPort: 50052", "api listens at"),
        ("targetPort: grpc", "targetPort: metrics", "the service leads elsewhere"),
        ("port: grpc, protocol: TCP", "port: probes, protocol: TCP", "callers are kept out"),
    ],
)
def test_where_the_api_serves_grpc_a_door_that_leads_nowhere_is_noticed(old: str, new: str, complaint: str) -> None:
    complaints = wrong_ports(manifests(broken(rendered("acme"), old, new)))

    assert any(complaint in found for found in complaints)
