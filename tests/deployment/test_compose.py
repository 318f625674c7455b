"""compose.yaml fits the Dockerfile and the settings, keeps no secret, and is open to this machine only."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hedgerow_host.discovery import load_contexts
from hedgerow_host.settings import HostSettings, variable_of
from tests.deployment.broken import broken
from tests.deployment.dockerfile import in_force, lineage, stages_of
from tests.deployment.ending_times import ENDS_WITHIN_S

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
STAGES = stages_of((ROOT / "Dockerfile").read_text())
SECRET = re.compile(r"\$\{(POSTGRES_PASSWORD|USERS_SECRET):\?[^}]+\}")
"""Compose refuses to start while it is unset."""

Services = dict[str, dict[str, Any]]


def ours(services: Services) -> Services:
    """The services that are built here."""
    return {name: service for name, service in services.items() if "build" in service}


def unknown_targets(services: Services) -> list[str]:
    found = {name: service["build"]["target"] for name, service in ours(services).items()}
    return [f"{name}: {target}" for name, target in found.items() if target not in STAGES or name != target]


def missing_services(services: Services) -> list[str]:
    return sorted({"postgres", "redis", "migrate", "api", "worker"} - services.keys())


def unknown_variables(services: Services) -> list[str]:
    holders = [HostSettings, *(context.manifest.settings for context in load_contexts(None))]
    known = {
        variable_of(name, holder.model_config["env_prefix"], field.validation_alias)
        for holder in holders
        if holder is not None
        for name, field in holder.model_fields.items()
    }
    return [
        variable
        for service in ours(services).values()
        for variable in service["environment"]
        if variable not in known
    ]


def unusable_settings(services: Services) -> list[str]:
    complaints = []
    for name, service in ours(services).items():
        settings = {key: SECRET.sub("secret", value) for key, value in service["environment"].items()}
        read = HostSettings(
            database_url=settings.get("HEDGEROW_DATABASE_URL"),
            broker_url=settings.get("HEDGEROW_BROKER_URL"),
        )
        hosts = {read.database_url.url.host if read.database_url else None}
        hosts.add((read.broker_url or "//").split("//")[1].split(":")[0])
        complaints += [f"{name} looks for {host}" for host in hosts if host not in services]
    return complaints


def written_secrets(services: Services) -> list[str]:
    places = {
        f"{name}.{variable}": value
        for name, service in services.items()
        for variable, value in service.get("environment", {}).items()
    }
    secret = [place for place in places if place.endswith(("PASSWORD", "SECRET"))]
    named = [place for place in secret if not SECRET.fullmatch(places[place])]
    in_urls = [place for place, value in places.items() if re.search(r"//[^/@]*:[^@]*@", SECRET.sub("", value))]
    guarded = [place for place in in_urls if not re.search(rf"//\w+:{SECRET.pattern}@", places[place])]
    return named + guarded


def open_ports(services: Services) -> list[str]:
    ports = [str(port) for service in services.values() for port in service.get("ports", ())]
    return [port for port in ports if not port.startswith("127.0.0.1:")]


def dead_ports(services: Services) -> list[str]:
    exposed = in_force(lineage(STAGES, "api"), "EXPOSE")
    inside = [port.split(":")[-1] for port in services["api"]["ports"]]
    return [port for port in inside if exposed is None or port not in exposed.words]


def floating_images(services: Services) -> list[str]:
    images = [service["image"] for service in services.values() if "image" in service]
    return [image for image in images if not re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image)]


def blind_waits(services: Services) -> list[str]:
    complaints = []
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            if other not in services:
                complaints.append(f"{name} waits for {other}, which does not exist")
            elif wait["condition"] == "service_healthy" and "test" not in services[other].get("healthcheck", {}):
                complaints.append(f"{name} waits for the health of {other}, which has no check")
    for name in ("api", "worker"):
        if services[name]["depends_on"].get("migrate") != {"condition": "service_completed_successfully"}:
            complaints.append(f"{name} does not wait for the migrations")
    return complaints


def unasked_workers(services: Services) -> list[str]:
    """The image says how an API is asked; a worker says where it listens."""
    worker = services["worker"]
    asked = worker.get("healthcheck", {}).get("test") == ["CMD", "hedgerow", "health", "--worker"]
    return [] if asked and worker["environment"].get("HEDGEROW_WORKER_PORT") else ["nobody asks the worker"]


def short_graces(services: Services) -> list[str]:
    given = {name: services[name].get("stop_grace_period", "10s").removesuffix("s") for name in ENDS_WITHIN_S}
    return [name for name, needed_s in ENDS_WITHIN_S.items() if float(given[name]) <= needed_s]


def open_doors(services: Services) -> list[str]:
    kept = {"read_only": True, "tmpfs": ["/tmp"], "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    return [
        f"{name}: {key} is {service.get(key)}"
        for name, service in ours(services).items()
        for key, value in kept.items()
        if service.get(key) != value
    ]


def lost_data(services: Services) -> list[str]:
    # Since version 18 the image refuses a volume at /var/lib/postgresql/data.
    targets = [volume.split(":")[-1] for volume in services["postgres"].get("volumes", ())]
    return [] if targets == ["/var/lib/postgresql"] else targets or ["no volume"]


GUARDS_AND_BREAKS = [
    (missing_services, "  worker:\n", "  drudge:\n", "worker"),
    (unknown_targets, "target: api", "target: web", "api: web"),
    (unknown_targets, "target: worker", "target: api", "worker: api"),
    (unknown_variables, "HEDGEROW_BROKER_URL", "HEDGEROW_REDIS_URL", "HEDGEROW_REDIS_URL"),
    (unknown_variables, "USERS_SMTP_URL: ", "USERS_SMTP: ", "USERS_SMTP"),
    (unusable_settings, "@postgres:5432", "@database:5432", "looks for database"),
    (unusable_settings, "redis://redis:", "redis://broker:", "looks for broker"),
    (written_secrets, "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?", "POSTGRES_PASSWORD: ${X:-", "PASSWORD"),
    (
        written_secrets,
        "hedgerow:${POSTGRES_PASSWORD:?set it to letters and digits}@",
        "hedgerow:pw@",
        "DATABASE_URL",
    ),
    (written_secrets, "USERS_SECRET: ${USERS_SECRET:?", "USERS_SECRET: ${USERS_SECRET:-", "api.USERS_SECRET"),
    (unknown_variables, "USERS_SECRET: ", "USERS_SECRETS: ", "USERS_SECRETS"),
    (open_ports, "127.0.0.1:8000:8000", "8000:8000", "8000:8000"),
    (dead_ports, "8000:8000", "8000:80", "80"),
    (floating_images, "postgres:18-alpine", "postgres:latest", "postgres:latest"),
    (floating_images, "redis:8-alpine", "redis", "redis"),
    (blind_waits, "test: [CMD, redis-cli, ping]", "disable: true", "health of redis"),
    (
        blind_waits,
        "migrate: { condition: service_completed_successfully }",
        "redis: { condition: x }",
        "migrations",
    ),
    (short_graces, "stop_grace_period: 40s", "stop_grace_period: 30s", "worker"),
    (short_graces, "    stop_grace_period: 40s", "    tty: false", "api"),
    (unasked_workers, "health, --worker]", "health]", "nobody asks the worker"),
    (unasked_workers, ', HEDGEROW_WORKER_PORT: "8001"', "", "nobody asks the worker"),
    (open_doors, "read_only: true", "read_only: false", "migrate: read_only"),
    (open_doors, "cap_drop: [ALL]", "privileged: true", "api: cap_drop"),
    (open_doors, "no-new-privileges:true", "no-new-privileges:false", "worker: security_opt"),
    (lost_data, "postgres:/var/lib/postgresql ", "postgres:/var/lib/postgresql/data ", "/data"),
]
GUARDS = list(dict.fromkeys(guard for guard, *_ in GUARDS_AND_BREAKS))


@pytest.mark.parametrize("guard", GUARDS)
def test_compose_keeps_the_rule(guard: Callable[[Services], list[str]]) -> None:
    assert guard(yaml.safe_load(COMPOSE)["services"]) == []


@pytest.mark.parametrize(("guard", "old", "new", "complaint"), GUARDS_AND_BREAKS)
def test_a_broken_copy_is_noticed(
    guard: Callable[[Services], list[str]], old: str, new: str, complaint: str
) -> None:
    complaints = guard(yaml.safe_load(broken(COMPOSE, old, new))["services"])

    assert any(complaint in found for found in complaints), complaints


def compose_checked(file: Path) -> subprocess.CompletedProcess[str]:
    """What the Compose Specification says of it."""
    return subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
    )


def test_compose_is_as_the_specification_wants_it(tmp_path: Path) -> None:
    sound = compose_checked(ROOT / "compose.yaml")
    assert sound.returncode == 0, sound.stdout

    another = tmp_path / "compose.yaml"
    another.write_text(broken(COMPOSE, "healthcheck:", "healthchecks:"))
    unsound = compose_checked(another)
    assert unsound.returncode == 1
    assert "'healthchecks' was unexpected" in unsound.stdout
