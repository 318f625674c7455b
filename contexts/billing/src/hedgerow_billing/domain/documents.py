"""Numbers of invoices and credit notes: within a series one follows the other, without a gap."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_core.domain import ValueObject

MAX_SERIES = 12
"""Characters."""


@dataclass(frozen=True, slots=True)
class DocumentNumber(ValueObject):
    """The place of a document in its series, written `INV-000042`."""

    series: str
    place: int

    def __str__(self) -> str:
        return f"{self.series}-{self.place:06}"
