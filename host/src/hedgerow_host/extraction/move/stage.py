"""The stages of a move, by the names that operators know."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """In their order. A move is at the last one that it has finished."""

    PREPARE = "prepare"
    COPY = "copy"
    FOLLOW = "follow"
    SHADOW = "shadow"
    SWITCH = "switch"
    VERIFY = "verify"
    RETIRE = "retire"

    @property
    def nth(self) -> int:
        """Its place in the order."""
        return list(Stage).index(self)
