"""Finds the installed distributions that keep everybody from reading entry points: ours, pydantic's and pytest's.

It imports nothing but Python's own, because what it looks for breaks the import of pydantic as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, distributions


def said_of_unreadable_metadata() -> str | None:
    """Which ones they are, and what to do about it. None: all can be read."""
    found = [
        f"{_name_of(distribution)}: its entry_points.txt cannot be read: {error}"
        f" [{distribution.locate_file('')}]\n  fix: reinstall it, or remove it: contexts are found by these files"
        for distribution, error in _unreadable()
    ]
    return "\n".join(found) or None


def _unreadable() -> Iterator[tuple[Distribution, ValueError]]:
    for distribution in distributions():
        try:
            distribution.entry_points  # noqa: B018 - it is read when it is asked for
        except ValueError as error:  # no UTF-8
            yield distribution, error


def _name_of(distribution: Distribution) -> str:
    try:
        return distribution.name
    except ValueError:
        return "an unknown distribution"
