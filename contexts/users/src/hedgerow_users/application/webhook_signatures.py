"""Whether a webhook is signed (Standard Webhooks 1.0): to the byte, within minutes, with a key that we share.

What is believed is decided before a byte of the body is read as anything else. The library of the standard is not
used: it asks the machine's clock, knows one secret, compares what base64 decodes to, and trips over odd headers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=5)
"""So far may the sender's clock be from ours, in both directions; a recording is worth nothing after that."""
MOST_SIGNATURES = 16
"""While secrets are replaced there are two."""
_VERSION = "v1"
"""Symmetric; `v1a` is another one, and not ours."""
# No full stop: the signed text is id.timestamp.body, and only one way to take it apart may be left.
_ID = re.compile(r"[!-\-/-~]{1,255}")
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentWebhook:
    """A webhook as it came in. A header that is not there exactly once is an empty text."""

    id: str
    timestamp: str
    signatures: str
    body: bytes


def is_signed(sent: SentWebhook, keys: Iterable[bytes], *, at: datetime) -> bool:
    """Whether one of the keys has signed exactly this, not long ago."""
    if not _ID.fullmatch(sent.id) or not _is_of_now(sent.timestamp, at):
        return False
    signed = f"{sent.id}.{sent.timestamp}.".encode() + sent.body
    presented = [_signature_in(text) for text in sent.signatures.split(" ")[:MOST_SIGNATURES]]
    matches = False
    for key in keys:
        # Compared as text: several texts decode to the same bytes, and only one of them was sent.
        expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
        for signature in presented:
            matches |= hmac.compare_digest(expected, signature)
    return matches


def _is_of_now(timestamp: str, at: datetime) -> bool:
    if not _SECONDS.fullmatch(timestamp):
        return False
    return abs(at.timestamp() - int(timestamp)) <= WINDOW.total_seconds()


def _signature_in(text: str) -> bytes:
    version, _, signature = text.partition(",")
    return signature.encode() if version == _VERSION else b""
