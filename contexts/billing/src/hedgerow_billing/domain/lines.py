"""The lines of an invoice, and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import CurrencyMismatch, InvalidLine
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import ValueObject

MAX_LINES = 100
MAX_QUANTITY = 1_000_000
MAX_DESCRIPTION = 500
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine(ValueObject):
    """So many of this, at that price each.

    Raises:
        InvalidLine: no description, a quantity outside 1..1,000,000 or a negative price.
    """

    description: str
    quantity: int
    unit_price: Money

    def __post_init__(self) -> None:
        # PostgreSQL holds no NUL in a text.
        if not self.description.strip() or "\x00" in self.description or len(self.description) > MAX_DESCRIPTION:
            raise InvalidLine(f"Describe each line in 1 to {MAX_DESCRIPTION} characters, without NUL.")
        if not 1 <= self.quantity <= MAX_QUANTITY:
            raise InvalidLine(f"The quantity of a line lies between 1 and {MAX_QUANTITY}.")
        if self.unit_price.amount < 0:
            raise InvalidLine("The unit price of a line is not negative.")

    @property
    def amount(self) -> Money:
        """What the line comes to."""
        return self.unit_price * self.quantity


def total_of(lines: Sequence[InvoiceLine], currency: Currency) -> Money:
    """The sum of 1 to 100 lines in this currency.

    Raises:
        ValidationError: the count is out of range, a currency differs, or the sum is beyond `MAX_AMOUNT`.
    """
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidLine(f"An invoice has 1 to {MAX_LINES} lines, not {len(lines)}.")
    for line in lines:
        if line.unit_price.currency != currency:
            raise CurrencyMismatch(currency.code, line.unit_price.currency.code)
    return sum((line.amount for line in lines), Money.zero(currency))
