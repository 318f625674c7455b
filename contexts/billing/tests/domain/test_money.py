"""The rules of money."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_billing.domain.currencies import MINOR_DIGITS, Currency
from hedgerow_billing.domain.errors import AmountTooLarge, CurrencyMismatch, UnknownCurrency
from hedgerow_billing.domain.money import MAX_AMOUNT, Money

EUR = Currency("EUR")
small_amounts = st.integers(-(10**12), 10**12)


@given(small_amounts, small_amounts, small_amounts)
def test_adding_is_exact_and_in_any_order(a: int, b: int, c: int) -> None:
    one, two, three = (Money(amount, EUR) for amount in (a, b, c))
    assert (one + two) + three == three + (two + one) == Money(a + b + c, EUR)


@given(st.integers(0, 10**9), st.integers(0, 1000))
def test_multiplying_is_repeated_adding(amount: int, quantity: int) -> None:
    assert Money(amount, EUR) * quantity == sum([Money(amount, EUR)] * quantity, Money.zero(EUR))


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, EUR) + Money(1, Currency("JPY"))


@pytest.mark.parametrize("amount", [1.0, "1", True, None])
def test_only_integers_are_amounts(amount: object) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(amount, EUR)  # type: ignore[arg-type] # what the type checker would catch


@pytest.mark.parametrize("quantity", [0.5, True])
def test_only_integers_are_quantities(quantity: object) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        Money(1, EUR) * quantity  # type: ignore[operator]


@pytest.mark.parametrize("amount", [MAX_AMOUNT + 1, -MAX_AMOUNT - 1])
def test_amounts_are_bounded(amount: int) -> None:
    with pytest.raises(AmountTooLarge):
        Money(amount, EUR)


def test_a_product_is_bounded_too() -> None:
    with pytest.raises(AmountTooLarge):
        Money(MAX_AMOUNT, EUR) * 2


@pytest.mark.parametrize(("code", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_a_currency_knows_its_minor_unit(code: str, digits: int) -> None:
    assert Currency(code).minor_digits == digits


@pytest.mark.parametrize("code", ["", "eur", "EURO", "DEM", "XAU", "XXX", "XTS"])
def test_only_active_currencies_with_a_minor_unit_are_known(code: str) -> None:
    with pytest.raises(UnknownCurrency) as refused:
        Currency(code)
    assert refused.value.code == "billing.unknown_currency"


def test_every_code_has_three_capitals() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_DIGITS)
    assert len(MINOR_DIGITS) > 150
