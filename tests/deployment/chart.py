"""What Helm makes of our chart, kept in files: whoever has no Helm can look into them, and hold them against rules.

Each says of which chart and values it was made, so that one who changes them has to have Helm render them again.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "deploy/helm/hedgerow"
RENDERED = Path(__file__).with_name("rendered")
VARIANTS = {"hedgerow": (), "acme": ("chosen.values.yaml",)}
"""By release: the values that it is given, beside those of the chart."""
KUBERNETES = "1.33.0"
WITHIN_S = 60
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Manifest = dict[str, Any]


def sealed(release: str, body: str, chart: Path = CHART) -> str:
    """The rendered text under a line that only fits it, this chart and these values."""
    digest = hashlib.sha256(f"{KUBERNETES}\n{body}".encode())
    for path in (*sorted(chart.rglob("*.*")), *(RENDERED / name for name in VARIANTS[release])):
        digest.update(f"{path.name}\n{path.read_text()}".encode())
    return f"# Rendered by Helm: make chart. {digest.hexdigest()}\n{body}"


def rendered(release: str) -> str:
    """What is kept of this release."""
    return (RENDERED / f"{release}.yaml").read_text()


def manifests(text: str) -> list[Manifest]:
    """The objects in it, in an order that no version of Helm has a say in."""
    found = [manifest for manifest in yaml.load_all(text, FAST) if manifest]
    return sorted(found, key=lambda one: (one["kind"], one["metadata"]["name"]))


def pods(found: list[Manifest]) -> dict[str, Manifest]:
    """What each role's pods are made of, by role: `metadata` and `spec`."""
    made = (one if one["kind"] == "Pod" else one["spec"].get("template") for one in found)
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for pod in made if pod}


def containers(found: list[Manifest]) -> dict[str, Manifest]:
    """The one container of each role."""
    return {role: pod["spec"]["containers"][0] for role, pod in pods(found).items()}


def variables(container: Manifest) -> dict[str, str]:
    """What is written into its environment."""
    return {one["name"]: one["value"] for one in container.get("env", ())}


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Helm.

    Raises:
        FileNotFoundError: there is none.
    """
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, timeout=WITHIN_S, check=False)


def template(release: str, *options: str, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    """Have Helm render a release. It talks to no cluster."""
    values = [f"--values={RENDERED / name}" for name in VARIANTS[release]]
    return helm("template", release, chart, f"--kube-version={KUBERNETES}", *values, *options)


def main() -> None:
    """Render every variant anew. Needs Helm."""
    for release in VARIANTS:
        done = template(release)
        if done.returncode != 0:
            sys.exit(done.stderr)
        (RENDERED / f"{release}.yaml").write_text(sealed(release, done.stdout))


if __name__ == "__main__":
    main()
