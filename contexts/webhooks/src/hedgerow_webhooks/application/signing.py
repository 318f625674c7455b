"""How a message is signed: Standard Webhooks 1.0, one `v1` signature for each secret that is valid at the time."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from hedgerow_webhooks.domain.signing_secret import SigningSecret

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def signed_headers(id: str, body: bytes, secrets: Sequence[SigningSecret], *, at: datetime) -> Mapping[str, str]:
    """The three headers of the standard. `id` is the same however often the message is sent; the rest is not."""
    timestamp = str(int(at.timestamp()))
    signed = f"{id}.{timestamp}.".encode() + body
    signatures = [_signature(secret.key, signed) for secret in secrets]
    return {ID: id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signatures)}


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
