"""The successor of a refresh token, made from the token itself: the same each time, and stored nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import final

from hedgerow_core.domain import Secret
from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_users.infrastructure.server_secret import Purpose


@final
class HmacRefreshSuccessors:
    """HMAC-SHA256 of the presented token under a key of the server secret (port `RefreshSuccessors`)."""

    def __init__(self, secret: ServerSecret) -> None:
        self._secret = secret

    def of(self, presented: Secret) -> Sequence[Secret]:
        """The successor to issue, and those that the secret before this one would have made."""
        token = presented.reveal().encode("utf-8", "surrogatepass")
        return [
            _written(hmac.digest(key, token, hashlib.sha256))
            for key in self._secret.keys(Purpose.REFRESH_SUCCESSOR)
        ]


def _written(token: bytes) -> Secret:
    """As `secrets.token_urlsafe` writes the first token of a session."""
    return Secret(base64.urlsafe_b64encode(token).decode().rstrip("="))
