"""The secrets that messages are signed with, in the form of Standard Webhooks 1.0: `whsec_` and base64."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import timedelta

from hedgerow_core.domain import Secret, ValueObject

PREFIX = "whsec_"
KEY_BYTES = 32
"""256 bits; the standard allows 24 to 64 bytes."""
MAX_OVERLAP = timedelta(days=7)
DEFAULT_OVERLAP = timedelta(hours=24)
"""How long messages carry the signatures of both secrets after a rotation, unless told."""


@dataclass(frozen=True, slots=True)
class SigningSecret(ValueObject):
    """One of them. It prints nothing of itself."""

    text: Secret

    @classmethod
    def new(cls) -> SigningSecret:
        """A fresh one, of random bytes."""
        return cls(Secret(PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()))

    @property
    def key(self) -> bytes:
        """What HMAC is given."""
        return base64.b64decode(self.text.reveal().removeprefix(PREFIX))
