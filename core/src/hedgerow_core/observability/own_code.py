"""Which code is ours, and not a library's: core's and the contexts', also where they are installed as wheels."""

from __future__ import annotations

import sysconfig
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

ENTRY_POINT_GROUP = "hedgerow.contexts"
"""Where installed distributions say which contexts they bring."""
ON_REQUEST_GROUP = "hedgerow.contexts.on_request"
"""The same, for contexts that are hosted only where HEDGEROW_CONTEXTS names them (ADR 0045)."""

_INSTALLED = "site-packages"


def entry_points_of_contexts() -> list[EntryPoint]:
    """Where each installed context begins. Looks once through all that is installed: that takes milliseconds."""
    found = entry_points()
    return [*found.select(group=ENTRY_POINT_GROUP), *found.select(group=ON_REQUEST_GROUP)]


def is_ours(file: str) -> bool:
    """Whether a frame of this file is worth a look first: it is of core, of a context, or of no package at all."""
    parts = Path(file).parts
    if _INSTALLED in parts:
        rest = parts[parts.index(_INSTALLED) + 1 :]
        return bool(rest) and rest[0] in _packages()
    return not file.startswith((_standard_library(), "<frozen"))


@cache
def _packages() -> frozenset[str]:
    """Read at the first failure; what is installed later needs a new process anyway."""
    roots = {point.module.partition(".")[0] for point in entry_points_of_contexts()}
    return frozenset({"hedgerow_core", "hedgerow_host", *roots})


@cache
def _standard_library() -> str:
    return sysconfig.get_path("stdlib")
