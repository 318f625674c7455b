"""How much processor time a process and its children have used: it can be trusted where others work, too."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil


def used_s(pid: int) -> float:
    """Seconds of a processor that a process has used, and all its children, living and dead."""
    root = psutil.Process(pid)
    used = 0.0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # then its parent has its times
            times = process.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def postmaster_in(folder: Path) -> int:
    """The process of the PostgreSQL whose data lie below `folder`."""
    (found,) = folder.rglob("postmaster.pid")
    return int(found.read_text().split()[0])
