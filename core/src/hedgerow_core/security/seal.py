"""Secrets as they are stored: encrypted, and bound to their name, so that no row can be passed for another."""

from __future__ import annotations

import os
from typing import final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hedgerow_core.security.server_secret import ServerSecret

NONCE_BYTES = 12
"""Random (NIST SP 800-38D §8.3): below 2^32 seals under one key, far more than there are keys and accounts."""


@final
class Seal:
    """AES-256-GCM under a key derived from the server secret for one purpose; the name is authenticated with it."""

    def __init__(self, secret: ServerSecret, purpose: str) -> None:
        self._secret = secret
        self._purpose = purpose

    def close(self, name: str, plain: bytes) -> bytes:
        """Encrypt under the current secret."""
        current, *_previous = self._secret.keys(self._purpose)
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(current).encrypt(nonce, plain, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes | None:
        """Decrypt with the current secret or the one before; None if neither fits, or somebody changed the row."""
        nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for key in self._secret.keys(self._purpose):
            try:
                return AESGCM(key).decrypt(nonce, ciphertext, name.encode())
            except InvalidTag:
                continue
        return None
