"""Taxes: a rate for each line, and the tax on what the lines of a rate come to.

Unit prices are net. The tax is worked out once for each rate, on the sum of its lines, and rounded half up to the
minor unit (EN 16931, BR-CO-17: so an invoice of many small lines does not drift away from its sum).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hedgerow_billing.domain.errors import InvalidTaxRate
from hedgerow_billing.domain.money import Money
from hedgerow_core.domain import ValueObject

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)
_WHOLE = 100_000
"""100 %, in thousandths of a percent."""


@dataclass(frozen=True, slots=True, order=True)
class TaxRate(ValueObject):
    """A rate between 0 and 100 %, in thousandths of a percent: 19,000 is 19 %.

    Raises:
        InvalidTaxRate: it lies beyond that.
    """

    thousandths: int

    def __post_init__(self) -> None:
        if not 0 <= self.thousandths <= _WHOLE:
            raise InvalidTaxRate(str(self))

    @classmethod
    def parse(cls, percent: str) -> TaxRate:
        """The rate written like `19` or `8.875`.

        Raises:
            InvalidTaxRate: it is not written so, has more than three decimals, or exceeds 100.
        """
        if _PERCENT.fullmatch(percent) is None:
            raise InvalidTaxRate(percent)
        whole, _, decimals = percent.partition(".")
        return cls(int(whole) * 1000 + int(decimals.ljust(3, "0")))

    def on(self, net: Money) -> Money:
        """The tax on a net amount."""
        return net.share(self.thousandths, _WHOLE)

    def __str__(self) -> str:
        whole, decimals = divmod(self.thousandths, 1000)
        return f"{whole}.{decimals:03}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Tax(ValueObject):
    """What an invoice says of one rate: the sum of its lines, and the tax on it."""

    rate: TaxRate
    net: Money
    amount: Money
