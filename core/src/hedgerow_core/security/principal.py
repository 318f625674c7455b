"""The one who acts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated caller: who it is, through which session, with which roles."""

    subject: UUID
    session: UUID | None
    roles: frozenset[str]
