"""Currencies: the active codes of ISO 4217 and how many digits their minor unit has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hedgerow_billing.domain.errors import UnknownCurrency
from hedgerow_core.domain import ValueObject

_CODES_BY_MINOR_DIGITS: Mapping[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
        CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
        HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
        MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
        SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED
        VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Without metals, bond units and test codes: they have no minor unit, so nothing can be billed in them."""

MINOR_DIGITS: Mapping[str, int] = {
    code: digits for digits, codes in _CODES_BY_MINOR_DIGITS.items() for code in codes.split()
}
"""Decimal digits of the minor unit by currency code: 2 means that 1999 minor units are 19.99."""


@dataclass(frozen=True, slots=True)
class Currency(ValueObject):
    """A currency by its ISO 4217 code, in capitals.

    Raises:
        UnknownCurrency: the code is not an active one.
    """

    code: str

    def __post_init__(self) -> None:
        if self.code not in MINOR_DIGITS:
            raise UnknownCurrency(self.code)

    @property
    def minor_digits(self) -> int:
        """How many decimal digits the minor unit has."""
        return MINOR_DIGITS[self.code]

    def __str__(self) -> str:
        return self.code
