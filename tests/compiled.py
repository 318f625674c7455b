"""Spares a Python environment that a test makes what its first command would else do: compile all libraries."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path


def lend_compiled(environment: Path) -> None:
    """Give it what was compiled for our own environment, where the package is there.

    Nothing is believed that is not so: Python compares a source's size and time.
    """
    ours = Path(sysconfig.get_path("purelib"))
    theirs = environment / ours.relative_to(sys.prefix)
    for compiled in ours.rglob("__pycache__"):
        if (package := theirs / compiled.parent.relative_to(ours)).is_dir():
            shutil.copytree(compiled, package / compiled.name, dirs_exist_ok=True)
