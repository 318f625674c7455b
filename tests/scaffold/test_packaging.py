"""The templates are where an installed host looks for them, and what writes them is an extra."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from importlib import reload
from pathlib import Path
from zipfile import ZipFile

import pytest

from hedgerow_core.testing.plugin import NOT_PROVEN
from hedgerow_host import scaffold
from hedgerow_host.exits import HostError
from hedgerow_host.scaffold.releases import TEMPLATES
from tests.processes import UV, UV_FOUND_NOBODY
from tests.warm_start import ROOT


def test_the_wheel_of_the_host_holds_every_template(tmp_path: Path) -> None:
    command = [UV, "build", "--quiet", "--wheel", "--package", "hedgerow-host", "--out-dir", tmp_path]
    environment = {**os.environ, "VIRTUAL_ENV": ""}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if UV_FOUND_NOBODY in built.stderr:
        pytest.skip(f"{NOT_PROVEN}a wheel (neither uv's cache nor a network has what builds it)")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    sources = TEMPLATES.parents[2]

    packed = {name for name in ZipFile(wheel).namelist() if "/templates/" in name}
    wanted = {str(path.relative_to(sources)) for path in TEMPLATES.rglob("*") if path.is_file()}

    assert len(wanted) > 50, "the search is blind"
    assert packed == {name for name in wanted if "__pycache__" not in name}


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "copier" else object())

    with pytest.raises(HostError, match="needed to write templates: copier") as refused:
        reload(scaffold)

    assert "fix: uv add --dev 'hedgerow-host[scaffold]'" in str(refused.value)
