"""Types commands into a shell, the way somebody does who follows our pages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests import warm_start

WITHIN_S = 120.0


def typed(
    script: str, *, folder: Path, environment: Mapping[str, str], within_s: float = WITHIN_S
) -> subprocess.CompletedProcess[str]:
    """What came of it; the shell stops at the first command that fails."""
    return subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )


def with_hedgerow(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment with a `hedgerow` on its PATH, which is the installed one, forked."""
    path = environment.get("PATH", os.defpath)
    return {**environment, "PATH": f"{warm_start.commands()}{os.pathsep}{path}"}
