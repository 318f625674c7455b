"""The lines of an invoice, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import CurrencyMismatch, InvalidLine
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.taxes import Tax, TaxRate
from hedgerow_core.domain import ValueObject

MAX_LINES = 100
MAX_QUANTITY = 1_000_000
MAX_DESCRIPTION = 500
"""Characters."""
UNTAXED = TaxRate(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine(ValueObject):
    """So many of this, at that net price each, taxed at that rate.

    Raises:
        InvalidLine: no description, a quantity outside 1..1,000,000 or a negative price.
    """

    description: str
    quantity: int
    unit_price: Money
    tax_rate: TaxRate = UNTAXED

    def __post_init__(self) -> None:
        # PostgreSQL holds no NUL in a text.
        if not self.description.strip() or "\x00" in self.description or len(self.description) > MAX_DESCRIPTION:
            raise InvalidLine(f"Describe each line in 1 to {MAX_DESCRIPTION} characters, without NUL.")
        if not 1 <= self.quantity <= MAX_QUANTITY:
            raise InvalidLine(f"The quantity of a line lies between 1 and {MAX_QUANTITY}.")
        if self.unit_price.amount < 0:
            raise InvalidLine("The unit price of a line is not negative.")

    @property
    def net(self) -> Money:
        """What the line comes to before tax."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(ValueObject):
    """What the lines come to: `total` is `net` plus every tax."""

    net: Money
    tax: Money
    total: Money
    taxes: Sequence[Tax]
    """One for each rate, the lowest first."""

    @classmethod
    def of(cls, lines: Sequence[InvoiceLine], currency: Currency) -> Totals:
        """Add up 1 to 100 lines in this currency.

        Raises:
            ValidationError: the count is out of range, a currency differs, or a sum is beyond `MAX_AMOUNT`.
        """
        if not 1 <= len(lines) <= MAX_LINES:
            raise InvalidLine(f"An invoice has 1 to {MAX_LINES} lines, not {len(lines)}.")
        for line in lines:
            if line.unit_price.currency != currency:
                raise CurrencyMismatch(currency.code, line.unit_price.currency.code)
        taxes = []
        for rate in sorted({line.tax_rate for line in lines}):
            net = _sum((line.net for line in lines if line.tax_rate == rate), currency)
            taxes.append(Tax(rate, net, rate.on(net)))
        net, tax = _sum((each.net for each in taxes), currency), _sum((each.amount for each in taxes), currency)
        return cls(net=net, tax=tax, total=net + tax, taxes=tuple(taxes))


def _sum(amounts: Iterable[Money], currency: Currency) -> Money:
    return sum(amounts, Money.zero(currency))
