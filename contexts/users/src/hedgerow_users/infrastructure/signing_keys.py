"""The key ring of this process: the signing keys in memory, kept up to date behind the requests.

A request never waits for the database over a key that is known. The private half never leaves this file's caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import final

from jwt import PyJWK

from hedgerow_core.domain import Clock
from hedgerow_users.application.ports import PublicKey
from hedgerow_users.application.signing_key_view import KeyState, SigningKeyView
from hedgerow_users.infrastructure.signing_key_store import (
    PUBLISHED_AFTER_RETIREMENT,
    SIGNS_AFTER,
    SigningKey,
    SigningKeyStore,
)

LOOK_INTERVAL = timedelta(seconds=1)
"""A storm of tokens with invented kids costs one statement a second, not one a token."""


@final
class SigningKeys:
    """The ring (port `PublicKeys`, and key source of our token issuer).

    Its methods may read the database, so they are not to be called inside a transaction.
    """

    def __init__(self, store: SigningKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._loading = asyncio.Lock()
        self._looked_at: datetime | None = None
        self._keys: dict[str, SigningKey] = {}

    async def current(self) -> SigningKey:
        """The key to sign with: the newest that every process knows. Makes the first one if there is none.

        Raises:
            SigningKeysUnreadable: there are keys, and none that our secret opens.
        """
        if not self._keys:
            await self._load_or_make()
        keys, now = list(self._keys.values()), self._clock.now()
        return next((key for key in reversed(keys) if key.signs_from <= now), keys[0])

    async def find_public(self, kid: str) -> PyJWK | None:
        """The public key of that name; one we don't know may be another process's, so look again."""
        if kid not in self._keys:
            await self._look_again()
        key = self._keys.get(kid)
        return key.jwk if key else None

    async def published(self) -> Sequence[PublicKey]:
        """Every public key, oldest first."""
        await self.current()
        return [key.public for key in self._keys.values()]

    async def refresh(self) -> None:
        """Take over what other processes have made, retired or removed. To be called every few seconds."""
        async with self._loading:
            self._take(await self._store.published())

    async def rotate(self) -> Sequence[SigningKeyView]:
        """Make a key that takes over from all others; returns how the keys then stand."""
        await self._store.rotate()
        return await self.views()

    async def views(self) -> Sequence[SigningKeyView]:
        """How the published keys stand, oldest first."""
        now = self._clock.now()
        found = await self._store.rows()
        waiting = [row.kid for row, readable in found if readable and row.created_at + SIGNS_AFTER > now]
        ready = [row.kid for row, readable in found if readable and row.kid not in waiting]
        signing = next(iter(ready[-1:] or waiting[:1]), None)
        return [
            SigningKeyView(
                kid=row.kid,
                state=_state(row.kid, signing, waiting, readable=readable),
                created_at=row.created_at,
                published_until=row.retired_at and row.retired_at + PUBLISHED_AFTER_RETIREMENT,
            )
            for row, readable in found
        ]

    async def _look_again(self) -> None:
        async with self._loading:
            if self._has_just_looked():
                return
            self._looked_at = self._clock.now()
            self._take(await self._store.published())

    async def _load_or_make(self) -> None:
        async with self._loading:
            if not self._keys:
                self._take(await self._store.published_or_first())

    def _has_just_looked(self) -> bool:
        # A clock that was set back must not keep us from looking.
        now = self._clock.now()
        return self._looked_at is not None and timedelta(0) <= now - self._looked_at < LOOK_INTERVAL

    def _take(self, keys: Sequence[SigningKey]) -> None:
        self._keys = {key.kid: key for key in keys}


def _state(kid: str, signing: str | None, waiting: Sequence[str], *, readable: bool) -> KeyState:
    if not readable:
        return KeyState.UNREADABLE
    if kid == signing:
        return KeyState.SIGNING
    return KeyState.NEXT if kid in waiting else KeyState.RETIRED
