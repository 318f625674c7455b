"""The stored signing keys: sealed when written, opened when read, retired when a newer one takes over.

Everything that is believed of a key is sealed. Whoever can write to the table but lacks the secret makes no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm
from sqlalchemy import Row, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import AuditEntry, Subject
from hedgerow_core.domain import Clock, new_id
from hedgerow_core.messaging.trail import append
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database
from hedgerow_core.security.seal import Seal
from hedgerow_users.application.signing_key_view import SigningKeysUnreadable
from hedgerow_users.application.token_ports import PublicKey
from hedgerow_users.infrastructure.tables import signing_keys
from hedgerow_users.settings import LONGEST_ACCESS_TOKEN_S

SIGNS_AFTER = timedelta(seconds=5)
"""A new key is published at once and signs only then: by that time every process has looked and knows it."""
PUBLISHED_AFTER_RETIREMENT = timedelta(seconds=LONGEST_ACCESS_TOKEN_S + 60)
"""Until the last token that it has signed is expired everywhere, and a minute more."""

ROTATED, REVOKED = "users.signing_keys_rotated", "users.signing_key_revoked"
"""In the trail."""

_LOCK = 0x7573_6572_735F_6B31  # "users_k1", as the 64-bit key of a PostgreSQL advisory lock

_TAKE_LOCK = select(func.pg_advisory_xact_lock(bindparam("lock")))
_PUBLISHED = (
    select(signing_keys)
    .where(or_(signing_keys.c.retired_at.is_(None), signing_keys.c.retired_at > bindparam("horizon")))
    .order_by(signing_keys.c.created_at, signing_keys.c.kid)
)
_ADD = insert(signing_keys)
_RETIRE_ALL = update(signing_keys).where(signing_keys.c.retired_at.is_(None)).values(retired_at=bindparam("at"))
_REVOKE = delete(signing_keys).where(signing_keys.c.kid == bindparam("kid")).returning(signing_keys.c.kid)
_FORGET = delete(signing_keys).where(signing_keys.c.retired_at <= bindparam("horizon"))

_log = log_of(__name__)


@final
@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair. `signs_from` is when it may be used; the newest that may is used."""

    kid: str
    created_at: datetime
    retired_at: datetime | None
    private: Ed25519PrivateKey = field(repr=False)
    public: PublicKey
    jwk: PyJWK = field(repr=False)
    """The public half, as the token verifier wants it."""

    @property
    def signs_from(self) -> datetime:
        """When every process knows it."""
        return self.created_at + SIGNS_AFTER


@final
class SigningKeyStore:
    """Reads and writes signing keys. Each call is a transaction or a statement of its own."""

    def __init__(self, database: Database, seal: Seal, clock: Clock) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock
        self._reported: set[str] = set()

    async def published(self) -> Sequence[SigningKey]:
        """The keys that may have signed a living token, or soon will, oldest first."""
        return self._opened(await self._database.rows(_PUBLISHED, {"horizon": self._horizon()}))

    async def published_or_first(self) -> Sequence[SigningKey]:
        """As `published`; makes a key if there is none. Of any number of processes that call this, one makes it.

        Raises:
            SigningKeysUnreadable: there are keys, and none that this secret opens.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_TAKE_LOCK, {"lock": _LOCK})
            if not await self._rows(connection):
                await self._add(connection)
            keys = self._opened(await self._rows(connection))
        if not keys:
            raise SigningKeysUnreadable
        return keys

    async def rotate(self) -> str:
        """Make a key, retire the others from when it signs, and forget those that nobody needs any more.

        Returns the new key's name.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_TAKE_LOCK, {"lock": _LOCK})
            await connection.execute(_RETIRE_ALL, {"at": self._clock.now() + SIGNS_AFTER})
            await connection.execute(_FORGET, {"horizon": self._horizon()})
            kid = await self._add(connection)
            await append(connection, AuditEntry(action=ROTATED, subject=Subject("signing_key", kid)))
            return kid

    async def revoke(self, kid: str) -> bool:
        """Delete a key at once, and make one if no other is left to sign. False if there is no such key."""
        async with self._database.transaction() as connection:
            await connection.execute(_TAKE_LOCK, {"lock": _LOCK})
            if (await connection.execute(_REVOKE, {"kid": kid})).one_or_none() is None:
                return False
            if all(key.retired_at is not None for key in self._opened(await self._rows(connection))):
                await self._add(connection)
            await append(connection, AuditEntry(action=REVOKED, subject=Subject("signing_key", kid)))
        return True

    async def rows(self) -> Sequence[tuple[Row[Any], bool]]:
        """Every published row, and whether this secret opens it."""
        async with self._database.reading() as connection:
            rows = await self._rows(connection)
        return [(row, self._seal.open(row.kid, row.sealed_private_key) is not None) for row in rows]

    async def _rows(self, connection: AsyncConnection) -> Sequence[Row[Any]]:
        return (await connection.execute(_PUBLISHED, {"horizon": self._horizon()})).all()

    async def _add(self, connection: AsyncConnection) -> str:
        kid = str(new_id())
        sealed = self._seal.close(kid, Ed25519PrivateKey.generate().private_bytes_raw())
        await connection.execute(_ADD, {"kid": kid, "sealed_private_key": sealed, "created_at": self._clock.now()})
        return kid

    def _opened(self, rows: Sequence[Row[Any]]) -> Sequence[SigningKey]:
        keys = []
        for row in rows:
            private_key = self._seal.open(row.kid, row.sealed_private_key)
            if private_key is not None:
                keys.append(_signing_key(row, private_key))
            elif row.kid not in self._reported:
                self._reported.add(row.kid)
                _log.error("signing_key_unreadable", kid=row.kid)
        return keys

    def _horizon(self) -> datetime:
        return self._clock.now() - PUBLISHED_AFTER_RETIREMENT


def _signing_key(row: Row[Any], private_key: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(private_key)
    jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return SigningKey(
        row.kid,
        row.created_at,
        row.retired_at,
        private,
        PublicKey(kid=row.kid, x=str(jwk["x"])),
        PyJWK(jwk, algorithm="EdDSA"),
    )
