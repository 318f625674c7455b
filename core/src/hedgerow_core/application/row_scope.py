"""Whose rows a question may reach: decided at the edge, kept in SQL, where no handler can forget it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RowScope:
    """The rows of one owner, or everybody's. A row outside of it is a row that is not there."""

    owner: UUID | None
    """None: everybody's."""


ALL_ROWS = RowScope(None)
"""For who looks after all, and for work that nobody asked for."""
