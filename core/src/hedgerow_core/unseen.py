"""Imports libraries without the company that they look for. Comes before all others, so it imports none itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unseen(*modules: str) -> Iterator[None]:
    """Have an import of these fail as if they weren't installed. Who has been imported already stays (ADR 0047)."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: Python's own word for it
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
