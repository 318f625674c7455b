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

    @classmethod
    def parse(cls, written: str) -> DocumentNumber:
        """The number that is written so.

        Raises:
            ValueError: it does not end in a hyphen and digits.
        """
        series, _, place = written.rpartition("-")
        return cls(series, int(place))

    def __str__(self) -> str:
        return f"{self.series}-{self.place:06}"
