"""Experiment 34: what is installed was locked, artifact by artifact, and is not older than advisories allow."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from packaging.version import Version

LOCK = tomllib.loads((Path(__file__).parents[2] / "uv.lock").read_text())
FLOORS = {"fastapi": "0.165", "starlette": "1.10", "python-multipart": "0.0.31", "pyjwt": "2.13", "h11": "0.16"}
"""Below these, something is known that reaches us."""


def unhashed(lock: Mapping[str, Any]) -> list[str]:
    """Artifacts whose content nobody has pinned. Our own packages are built from this folder."""
    return [
        artifact["url"]
        for package in lock["package"]
        if "registry" in package["source"]
        for artifact in artifacts(package)
        if not artifact.get("hash", "").startswith("sha256:")
    ]


def artifacts(package: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    yield from package.get("wheels", ())
    if "sdist" in package:
        yield package["sdist"]


def from_elsewhere(lock: Mapping[str, Any]) -> list[str]:
    """What comes neither from a registry nor from this folder: nothing vouches for its version."""
    return [
        package["name"]
        for package in lock["package"]
        if package["source"].keys() - {"registry", "editable", "virtual"}
    ]


def too_old(lock: Mapping[str, Any]) -> list[str]:
    locked = {package["name"]: Version(package["version"]) for package in lock["package"] if "version" in package}
    return [name for name, floor in FLOORS.items() if locked[name] < Version(floor)]


def test_every_artifact_is_pinned_by_its_hash() -> None:
    assert unhashed(LOCK) == []
    assert from_elsewhere(LOCK) == []


def test_nothing_is_older_than_advisories_allow() -> None:
    assert too_old(LOCK) == []


def test_what_is_not_pinned_too_old_or_from_elsewhere_is_found() -> None:
    lock = deepcopy(LOCK)
    (starlette,) = (package for package in lock["package"] if package["name"] == "starlette")
    starlette["version"] = "1.9.9"
    del starlette["wheels"][0]["hash"]
    assert too_old(lock) == ["starlette"]
    assert unhashed(lock) == [starlette["wheels"][0]["url"]]
    starlette["source"] = {"git": "https://example.org/starlette"}
    assert from_elsewhere(lock) == ["starlette"]
