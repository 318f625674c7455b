"""What can be wrong with the books, and what to do then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hedgerow_core.domain import ValueObject


class Check(StrEnum):
    """A rule that does not hold. The names are public and never change."""

    UNBALANCED_ENTRY = "unbalanced_entry"
    UNBALANCED_BOOKS = "unbalanced_books"
    MISSING_ENTRY = "missing_entry"
    """Something happened and is not booked."""
    GROUNDLESS_ENTRY = "groundless_entry"
    """Something is booked and did not happen."""
    WRONG_ENTRY = "wrong_entry"
    """Something is booked otherwise than it happened."""
    RECEIVABLE = "receivable"
    GATEWAY = "gateway"
    EARNINGS = "earnings"
    BAD_DEBT = "bad_debt"
    """These four: what is booked there for an invoice is not what its state demands."""
    FOREIGN_POSTING = "foreign_posting"
    CURRENCY = "currency"
    NUMBERS = "numbers"
    REFUNDED = "refunded"
    CREDITED = "credited"
    TOTALS = "totals"
    """These three: a column disagrees with what it sums up."""
    UNREADABLE = "unreadable"
    ORPHAN = "orphan"


_RESTORE = (
    "each step is booked once and never changed, so somebody wrote past Hedgerow: find out who in the log of the "
    "database, and restore what was there from a backup"
)
HINTS: Mapping[Check, str] = {
    **dict.fromkeys(Check, _RESTORE),
    Check.UNBALANCED_BOOKS: "look for unbalanced entries among the findings: once they are right, the sum is",
    Check.GATEWAY: f"compare with the gateway's records, which say what was moved; then: {_RESTORE}",
    Check.NUMBERS: "look in a backup for the document that is gone, or has the number of another",
    Check.ORPHAN: "restore the invoice from a backup",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(ValueObject):
    """Something is wrong: where, and what."""

    check: Check
    subject: str
    """The id of an invoice, the key of an entry, the name of a series, or a currency."""
    what: str

    @property
    def hint(self) -> str:
        """What to do."""
        return HINTS[self.check]
