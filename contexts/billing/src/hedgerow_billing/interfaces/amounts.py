"""Amounts as people read them: exact decimals, made of whole minor units. No float is on the way."""

from __future__ import annotations

from hedgerow_billing.domain.currencies import MINOR_DIGITS


def decimal_text(amount: int, currency: str) -> str:
    """Minor units in the currency's decimals: 1999 EUR is `19.99`, 1999 JPY `1999`, 1999 KWD `1.999`."""
    digits = MINOR_DIGITS[currency]
    sign, whole = "-" if amount < 0 else "", str(abs(amount)).zfill(digits + 1)
    return f"{sign}{whole[:-digits]}.{whole[-digits:]}" if digits else f"{sign}{whole}"
