"""What `hedgerow check` says about billing's settings."""

from __future__ import annotations

import pytest

from hedgerow_billing.interfaces.concerns import concerns
from hedgerow_billing.settings import BillingSettings

LIVE = {
    "BILLING_GATEWAY": "stripe",
    "BILLING_STRIPE_API_KEY": "rk_live_0a9b8c7d6e5f",
    "BILLING_SELLER": "Hedge & Sons|1 Lane|GB123",
}


@pytest.mark.parametrize(
    ("variable", "value", "number"),
    [
        ("BILLING_GATEWAY", "stripe", None),
        ("BILLING_GATEWAY", "sandbox", "W501"),
        ("BILLING_GATEWAY", "", "W501"),
        ("BILLING_STRIPE_API_KEY", "sk_test_0a9b8c7d6e5f", "W502"),
        ("BILLING_STRIPE_API_KEY", "rk_test_0a9b8c7d6e5f", "W502"),
        ("BILLING_STRIPE_API_BASE", "https://stripe.example", "W503"),
        ("BILLING_SELLER", "", "W504"),
    ],
)
def test_what_earns_no_money_or_misprints_papers_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, number: str | None
) -> None:
    for name, good in {**LIVE, variable: value}.items():
        monkeypatch.setenv(name, good)

    found = [(one.number, one.subject) for one in concerns(BillingSettings())]

    assert found == ([] if number is None else [(number, variable)])
