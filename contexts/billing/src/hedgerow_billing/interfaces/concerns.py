"""What `hedgerow check` says about billing's settings, to whoever runs it."""

from __future__ import annotations

from collections.abc import Iterator

from hedgerow_billing.settings import BillingSettings, Gateway
from hedgerow_core.application.concerns import Concern, ConcernKind

TEST_KEYS = ("sk_test_", "rk_test_")


CONCERNS = (
    ConcernKind(
        number="W501",
        what="The gateway is the sandbox, and no money moves.",
        fix="`BILLING_GATEWAY=stripe`.",
    ),
    ConcernKind(
        number="W502",
        what="The key is one for tests, and no money moves.",
        fix="Set the live key.",
    ),
    ConcernKind(
        number="W503",
        what="Another address than Stripe's gets the key and all payments.",
        fix="Leave `BILLING_STRIPE_API_BASE` unset.",
    ),
    ConcernKind(
        number="W504",
        what="Invoices don't say who sells.",
        fix="Set `BILLING_SELLER`.",
    ),
)
"""What each number stands for."""


def concerns(settings: BillingSettings) -> Iterator[Concern]:
    """Whatever makes a shop seem to work that earns nothing, or whose papers are wrong."""
    if settings.gateway is not Gateway.STRIPE:
        yield Concern(
            number="W501",
            subject="BILLING_GATEWAY",
            what="is the sandbox: invoices will be paid, and no money moves",
            fix="set it to stripe",
        )
    elif settings.stripe_api_key and settings.stripe_api_key.get_secret_value().startswith(TEST_KEYS):
        yield Concern(
            number="W502",
            subject="BILLING_STRIPE_API_KEY",
            what="is a key for tests: Stripe says that all is paid, and no money moves",
            fix="set it to the live key (rk_live_… or sk_live_…), and the webhook secret to the live one",
        )
    if settings.stripe_api_base != _default("stripe_api_base"):
        yield Concern(
            number="W503",
            subject="BILLING_STRIPE_API_BASE",
            what=f"sends the key and all payments to {settings.stripe_api_base}",
            fix="leave it unset",
        )
    if settings.seller == _default("seller"):
        yield Concern(
            number="W504",
            subject="BILLING_SELLER",
            what="is not set, and every invoice says so where the seller should stand",
            fix="set it to name, address and tax id, with | between lines",
        )


def _default(field: str) -> object:
    return BillingSettings.model_fields[field].default
