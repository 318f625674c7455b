"""Amounts as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hedgerow_billing.domain.currencies import MINOR_DIGITS
from hedgerow_billing.domain.money import MAX_AMOUNT
from hedgerow_billing.interfaces.amounts import decimal_text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1999, "EUR", "19.99"),
        (5, "EUR", "0.05"),
        (0, "EUR", "0.00"),
        (-5, "EUR", "-0.05"),
        (-1999, "EUR", "-19.99"),
        (1999, "JPY", "1999"),
        (0, "JPY", "0"),
        (-7, "JPY", "-7"),
        (1999, "KWD", "1.999"),
        (9, "KWD", "0.009"),
        (19999, "CLF", "1.9999"),
        (10**15, "EUR", "10000000000000.00"),
    ],
)
def test_minor_units_are_written_in_the_decimals_of_the_currency(amount: int, currency: str, text: str) -> None:
    assert decimal_text(amount, currency) == text


@pytest.mark.parametrize("currency", sorted(MINOR_DIGITS))
def test_nothing_is_lost_in_any_currency(currency: str) -> None:
    for amount in (1, 9, 10, 99, 100, 12345, MAX_AMOUNT - 1, -MAX_AMOUNT + 1):
        assert Decimal(decimal_text(amount, currency)).scaleb(MINOR_DIGITS[currency]) == amount
