"""Money: whole minor units of one currency. No float ever comes near it."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.errors import AmountTooLarge, CurrencyMismatch
from hedgerow_core.domain import ValueObject

MAX_AMOUNT = 10**15
"""Minor units. Fits a bigint (9.2·10^18) with room for sums over thousands of rows, and a JSON number (2^53)."""


@dataclass(frozen=True, slots=True)
class Money(ValueObject):
    """An amount in minor units of a currency (1999 EUR is 19.99 €).

    Raises:
        TypeError: the amount is not an integer; a bool is none.
        AmountTooLarge: it is beyond `MAX_AMOUNT` in either direction.
    """

    amount: int
    currency: Currency

    def __post_init__(self) -> None:
        _demand_integer(self.amount)
        if abs(self.amount) > MAX_AMOUNT:
            raise AmountTooLarge(MAX_AMOUNT)

    @classmethod
    def zero(cls, currency: Currency) -> Money:
        """Nothing, in that currency."""
        return cls(0, currency)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency.code, other.currency.code)
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, quantity: int) -> Money:
        _demand_integer(quantity)
        return Money(self.amount * quantity, self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} (minor units)"


def _demand_integer(value: object) -> None:
    # bool is a subclass of int, and True * price would pass for a quantity.
    if type(value) is not int:
        raise TypeError(f"money counts in whole minor units: an int is needed, not {type(value).__name__}")
