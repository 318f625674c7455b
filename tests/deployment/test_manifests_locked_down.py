"""What the chart deploys is locked down: no secret, no root, nothing without bounds, and an end in peace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.deployment.broken import broken
from tests.deployment.chart import VARIANTS, Manifest, containers, manifests, pods, rendered, variables
from tests.deployment.ending_times import ENDS_WITHIN_S
from tests.deployment.test_chart import MINE, settings_by_secrecy


def written_secrets(found: list[Manifest]) -> Iterator[str]:
    secret, _others = settings_by_secrecy()
    for role, container in containers(found).items():
        yield from (f"{role}: {variable} is written down" for variable in variables(container).keys() & secret)
        if role != "health" and not [one for one in container.get("envFrom", ()) if "secretRef" in one]:
            yield f"{role} is given no secret"


def overridden(found: list[Manifest]) -> Iterator[str]:
    """A service called `hedgerow` puts HEDGEROW_PORT=tcp://… into every pod whose spec doesn't refuse it."""
    for role, pod in pods(found).items():
        if pod["spec"].get("enableServiceLinks") is not False:
            yield f"{role} takes variables from services"
    for role, container in containers(found).items():
        names = [one["name"] for one in container.get("env", ())]
        yield from (f"{role}: {name} is said twice" for name in MINE if names.count(name) > 1)


def short_graces(found: list[Manifest]) -> Iterator[str]:
    for role, needed_s in ENDS_WITHIN_S.items():
        if pods(found)[role]["spec"].get("terminationGracePeriodSeconds", 30) <= needed_s:
            yield f"{role} may need {needed_s} s"


def open_doors(found: list[Manifest]) -> Iterator[str]:
    for role, pod in pods(found).items():
        context, inside = pod["spec"].get("securityContext", {}), containers(found)[role].get("securityContext", {})
        kept = {
            "runs as root": context.get("runAsNonRoot") is True and context.get("runAsUser", 0) > 0,
            "may call any system call": context.get("seccompProfile") == {"type": "RuntimeDefault"},
            "may gain rights": inside.get("allowPrivilegeEscalation") is False,
            "may write its image": inside.get("readOnlyRootFilesystem") is True,
            "has capabilities": inside.get("capabilities") == {"drop": ["ALL"]},
            "may speak to the cluster": pod["spec"].get("automountServiceAccountToken") is False,
        }
        yield from (f"{role} {what}" for what, well in kept.items() if not well)


def unbounded(found: list[Manifest]) -> Iterator[str]:
    for role, container in containers(found).items():
        given = container.get("resources", {})
        if {"cpu", "memory"} - given.get("requests", {}).keys() or "memory" not in given.get("limits", {}):
            yield f"{role} takes what it likes"
        for volume in pods(found)[role]["spec"].get("volumes", ()):
            if "sizeLimit" not in volume.get("emptyDir", {}):
                yield f"{role} fills {volume['name']} as it likes"


def floating_images(found: list[Manifest]) -> Iterator[str]:
    for role, container in containers(found).items():
        if container["image"].rpartition(":")[2] in ("", "latest", container["image"]):
            yield f"{role} runs {container['image']}"


Guard = Callable[[list[Manifest]], Iterator[str]]
GUARDS_AND_BREAKS: list[tuple[Guard, str, str, str]] = [
    (written_secrets, "name: BILLING_GATEWAY", "name: USERS_SECRET", "USERS_SECRET is written down"),
    (written_secrets, "secretRef", "configMapRef", "worker is given no secret"),
    (overridden, "enableServiceLinks: false", "enableServiceLinks: true", "api takes variables from services"),
    (overridden, "name: BILLING_GATEWAY", "name: HEDGEROW_HOST", "HEDGEROW_HOST is said twice"),
    (short_graces, "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds: 30", "worker may need"),
    (open_doors, "runAsUser: 10001", "runAsUser: 0", "api runs as root"),
    (open_doors, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "worker may write its image"),
    (open_doors, "drop: [ALL]", "drop: [NET_RAW]", "migrate has capabilities"),
    (open_doors, "automountServiceAccountToken: false", "hostNetwork: true", "health may speak to the cluster"),
    (open_doors, "RuntimeDefault", "Unconfined", "may call any system call"),
    (open_doors, "allowPrivilegeEscalation: false", "privileged: true", "may gain rights"),
    (unbounded, "memory: 512Mi", "cpu: 1", "api takes what it likes"),
    (unbounded, "sizeLimit: 64Mi", "medium: Memory", "fills tmp"),
    (floating_images, ":0.1.0", ":latest", "registry.example.com/hedgerow:latest"),
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
