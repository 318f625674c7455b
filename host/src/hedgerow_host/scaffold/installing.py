"""Has uv install what was made. It is a member of the workspace, so the lock is all that changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hedgerow_host.exits import ExitCode, HostError


def sync(root: Path) -> None:
    """Install every member of the workspace.

    Raises:
        HostError: uv is not there, or it fails; what was made stays.
    """
    command = ["uv", "sync", "--all-packages", "--quiet"]
    try:
        done = subprocess.run(command, cwd=root, check=False)  # noqa: S603 - our own arguments
    except FileNotFoundError as error:
        raise _not_installed("uv is not on the PATH") from error
    if done.returncode != 0:
        raise _not_installed("uv could not install it, see above")


def _not_installed(what: str) -> HostError:
    return HostError(
        f"what was made is there, but not installed: {what}",
        fix="mend that, then uv sync --all-packages",
        code=ExitCode.CHECK_FAILED,
    )
