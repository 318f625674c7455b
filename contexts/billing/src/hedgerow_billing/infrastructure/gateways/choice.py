"""Decides through whom money moves, and who may send notices of it."""

from __future__ import annotations

from hedgerow_billing.application.gateway import PaymentGateway
from hedgerow_billing.application.notices import NoticeReader
from hedgerow_billing.infrastructure.gateways.sandbox import SandboxGateway
from hedgerow_billing.settings import BillingSettings, Gateway


def gateway_for(settings: BillingSettings) -> PaymentGateway:
    """The gateway that is named; the sandbox if none is. Whoever may not do without one was refused before."""
    if settings.gateway is not Gateway.STRIPE:
        return SandboxGateway(latency=settings.sandbox_latency)
    from hedgerow_billing.infrastructure.gateways.stripe import StripeGateway  # who charges nobody does without

    return StripeGateway(
        api_key=settings.stripe_api_key.get_secret_value() if settings.stripe_api_key else "",
        api_base=settings.stripe_api_base,
        timeout=settings.stripe_timeout,
        method=settings.stripe_payment_method,
    )


def notices_for(settings: BillingSettings) -> NoticeReader | None:
    """Who reads the gateway's notices; None if it sends none."""
    if settings.gateway is not Gateway.STRIPE or settings.stripe_webhook_secret is None:
        return None
    from hedgerow_billing.infrastructure.gateways.stripe_notices import StripeNotices

    return StripeNotices(settings.stripe_webhook_secret.get_secret_value())
