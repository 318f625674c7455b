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
        self._demand_currency_of(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + -other

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._demand_currency_of(other)
        return self.amount < other.amount

    def __mul__(self, quantity: int) -> Money:
        _demand_integer(quantity)
        return Money(self.amount * quantity, self.currency)

    def share(self, part: int, whole: int) -> Money:
        """`part / whole` of an amount, rounded half up to the minor unit. No other rounding takes place.

        Raises:
            TypeError: `part` or `whole` is no integer.
        """
        _demand_integer(part)
        _demand_integer(whole)
        return Money((2 * self.amount * part + whole) // (2 * whole), self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} (minor units)"

    def _demand_currency_of(self, other: Money) -> None:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency.code, other.currency.code)


def _demand_integer(value: object) -> None:
    # bool is a subclass of int, and True * price would pass for a quantity.
    if type(value) is not int:
        raise TypeError(f"money counts in whole minor units: an int is needed, not {type(value).__name__}")
