"""The one rule about notices of the gateway."""

from __future__ import annotations

from hedgerow_core.domain import AuthenticationError


class NoticeRefused(AuthenticationError):
    """A notice of the gateway is not signed as it must be, is older than 5 minutes, unreadable, or has the
    header twice; which is not said.

    Fix: compare `BILLING_STRIPE_WEBHOOK_SECRET` and the clock with Stripe's.
    """

    code = "billing.notice_refused"

    def __init__(self) -> None:
        super().__init__("The notice is not acceptable. Check the secret, the clock and the headers of the sender.")
