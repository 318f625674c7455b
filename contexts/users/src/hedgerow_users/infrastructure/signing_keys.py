"""The keys that sign access tokens: stored in this context's schema, kept in memory, made on first need.

Any number of processes agree on one first key. The private half never leaves this file's caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from sqlalchemy import bindparam, func, insert, select

from hedgerow_core.domain import Clock, new_id
from hedgerow_core.persistence import Database
from hedgerow_users.application.ports import PublicKey
from hedgerow_users.infrastructure.tables import signing_keys

RELOAD_INTERVAL = timedelta(seconds=1)
"""A storm of tokens with invented kids costs one statement a second, not one a token."""

_FIRST_KEY_LOCK = 0x7573_6572_735F_6B31  # "users_k1", as the 64-bit key of a PostgreSQL advisory lock

_KEYS = select(signing_keys.c.kid, signing_keys.c.private_key).order_by(
    signing_keys.c.created_at, signing_keys.c.kid
)
_ADD_KEY = insert(signing_keys)
_LOCK_FIRST_KEY = select(func.pg_advisory_xact_lock(bindparam("lock")))


@final
@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair."""

    kid: str
    private: Ed25519PrivateKey = field(repr=False)
    public: PublicKey
    jwk: PyJWK = field(repr=False)
    """The public half, as the token verifier wants it."""


@final
class SigningKeys:
    """The key ring of this process (port `PublicKeys`, and key source of our token issuer).

    Its methods read the database when the ring is empty or must look for something newer, so they are not to
    be called inside a transaction.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._loading = asyncio.Lock()
        self._loaded_at: datetime | None = None
        self._keys: dict[str, SigningKey] = {}

    async def current(self) -> SigningKey:
        """The key to sign with: the newest. Makes the first one if there is none."""
        if not self._keys:
            await self._load_or_make()
        return next(reversed(self._keys.values()))

    async def find_public(self, kid: str) -> PyJWK | None:
        """The public key of that name; one we don't know may be another process's, so look again."""
        if kid not in self._keys:
            await self._reload()
        key = self._keys.get(kid)
        return key.jwk if key else None

    async def published(self) -> Sequence[PublicKey]:
        """Every public key, oldest first, including those that other processes made."""
        await self._reload()
        await self.current()
        return [key.public for key in self._keys.values()]

    async def _reload(self) -> None:
        async with self._loading:
            if self._is_fresh():
                return
            async with self._database.reading() as connection:
                rows = (await connection.execute(_KEYS)).all()
            self._take({row.kid: row.private_key for row in rows})

    async def _load_or_make(self) -> None:
        async with self._loading:
            if self._keys:
                return
            async with self._database.transaction() as connection:
                # Whoever waits here finds the other's key afterwards.
                await connection.execute(_LOCK_FIRST_KEY, {"lock": _FIRST_KEY_LOCK})
                stored = {row.kid: row.private_key for row in (await connection.execute(_KEYS)).all()}
                if not stored:
                    kid, private_key = str(new_id()), _new_private_key()
                    await connection.execute(
                        _ADD_KEY,
                        {"kid": kid, "private_key": private_key, "created_at": self._clock.now()},
                    )
                    stored = {kid: private_key}
            self._take(stored)

    def _is_fresh(self) -> bool:
        # A clock that was set back must not keep us from loading.
        now = self._clock.now()
        return self._loaded_at is not None and timedelta(0) <= now - self._loaded_at < RELOAD_INTERVAL

    def _take(self, stored: dict[str, bytes]) -> None:
        self._keys = {
            kid: self._keys.get(kid) or _signing_key(kid, private_key) for kid, private_key in stored.items()
        }
        self._loaded_at = self._clock.now()


def _new_private_key() -> bytes:
    # Stored as it is for now: encryption at rest comes with the key management of a later issue.
    return Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _signing_key(kid: str, stored: bytes) -> SigningKey:
    private = load_der_private_key(stored, password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError(f"signing key {kid} is no Ed25519 key: remove its row from signing_keys")
    jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return SigningKey(kid, private, PublicKey(kid=kid, x=str(jwk["x"])), PyJWK(jwk, algorithm="EdDSA"))
