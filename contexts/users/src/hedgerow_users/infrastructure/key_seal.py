"""Private keys as they are stored: encrypted, and bound to their name, so that no row can be passed for another."""

from __future__ import annotations

import os
from typing import final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedgerow_users.infrastructure.server_secret import Purpose, ServerSecret

NONCE_BYTES = 12
"""Random (NIST SP 800-38D §8.2.2): a secret seals a few keys a year, so no nonce ever comes twice."""


@final
class KeySeal:
    """AES-256-GCM under a key derived from the server secret; the key's name is authenticated with it."""

    def __init__(self, secret: ServerSecret) -> None:
        self._secret = secret

    def close(self, kid: str, private_key: bytes) -> bytes:
        """Encrypt under the current secret."""
        current, *_previous = self._secret.keys(Purpose.SIGNING_KEY_SEAL)
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(current).encrypt(nonce, private_key, kid.encode())

    def open(self, kid: str, sealed: bytes) -> bytes | None:
        """Decrypt with the current secret or the one before; None if neither fits, or somebody changed the row."""
        nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for key in self._secret.keys(Purpose.SIGNING_KEY_SEAL):
            try:
                return AESGCM(key).decrypt(nonce, ciphertext, kid.encode())
            except InvalidTag:
                continue
        return None
