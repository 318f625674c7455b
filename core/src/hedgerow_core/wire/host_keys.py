"""The keys by which other hosts know this one: derived from its secret, so that nothing is stored (ADR 0014)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_core.security.tokens import ALGORITHM

KEYS_PATH = "/_host/keys"
"""Where a host publishes them."""
PURPOSE = "hedgerow-host/service-token/v1"
"""Never rename it: both halves of every key would change."""
SECRET_FILE = "host_secret"  # noqa: S105 - the name of a file
"""In the data folder of a `dev` host for which nobody has set a secret."""


@final
class HostKeys:
    """One Ed25519 pair for the secret in force, which signs, and one for the secret before it, still published.

    Derived on first use, because a host is also put together to be looked at, which must leave no traces.
    """

    def __init__(self, secret: ServerSecret) -> None:
        self._secret = secret

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A token with these claims, signed with the key in force."""
        private, jwk = self._pairs[0]
        return jwt.encode(dict(claims), private, ALGORITHM, headers={"kid": jwk["kid"], "typ": typ})

    @cached_property
    def document(self) -> bytes:
        """The key set, as others read it (RFC 7517 §5)."""
        return json.dumps({"keys": [jwk for _private, jwk in self._pairs]}).encode()

    @cached_property
    def _pairs(self) -> Sequence[tuple[Ed25519PrivateKey, Mapping[str, str]]]:
        return [_pair(Ed25519PrivateKey.from_private_bytes(key)) for key in self._secret.keys(PURPOSE)]


def _pair(private: Ed25519PrivateKey) -> tuple[Ed25519PrivateKey, Mapping[str, str]]:
    jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return private, {**jwk, "kid": _thumbprint(jwk), "use": "sig", "alg": ALGORITHM}


def _thumbprint(jwk: Mapping[str, str]) -> str:
    """The name that a key gives itself (RFC 7638 §3, RFC 8037 §2)."""
    members = {member: jwk[member] for member in ("crv", "kty", "x")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
