"""Reads what Stripe sends to our webhook. Believed to the byte, within minutes, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, final

from stripe import SignatureVerificationError, WebhookSignature

from hedgerow_billing.application.notices import Notice
from hedgerow_billing.domain.notice_errors import NoticeRefused
from hedgerow_billing.infrastructure.gateways.stripe import KEY

WINDOW_S = 300
"""A recording is worth nothing after that. Stripe signs anew whenever it repeats a notice."""
LONGEST_ID = 255
KINDS = {
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "refund.failed",
    "refund.updated",
}
"""Those after which there is something to find out. `refund.created` would only repeat an answer."""


@final
class StripeNotices:
    """The port `NoticeReader`. While a secret is being replaced, Stripe signs with both."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def read(self, signature: str, body: bytes) -> Notice | None:
        """Check `Stripe-Signature`, in constant time, before a byte of the body is read as anything else."""
        try:
            WebhookSignature.verify_header(body, signature, self._secret, WINDOW_S)
            told = json.loads(body)
        except (SignatureVerificationError, ValueError, TypeError, RecursionError):
            # The library trips over signs that are not ASCII, in the header (TypeError) and the body (ValueError).
            raise NoticeRefused from None
        return _notice_in(told)


def _notice_in(told: Any) -> Notice | None:
    if not isinstance(told, dict) or str(told.get("type")) not in KINDS:
        return None
    id, key = told.get("id"), _member(_member(_member(told, "data"), "object"), "metadata").get(KEY)
    if not isinstance(id, str) or not id.isprintable() or not 1 <= len(id) <= LONGEST_ID:
        return None
    return Notice(id=id, key=key) if isinstance(key, str) else None


def _member(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}
