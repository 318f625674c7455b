"""The key ring of this process: the signing keys in memory, kept up to date behind the requests.

A request never waits for the database over a key that is known. The private half never leaves this file's caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar, final

from jwt import PyJWK

from hedgerow_core.domain import Clock
from hedgerow_users.application.signing_key_view import KeyState, SigningKeyView
from hedgerow_users.application.token_ports import PublicKey
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
        return _signing(list(self._keys.values()), self._clock.now())

    async def find_public(self, kid: str) -> PyJWK | None:
        """The public key of that name; one we don't know may be another process's, so look again."""
        if kid not in self._keys:
            await self._look_again()
        key = self._keys.get(kid)
        return key.jwk if key else None

    async def known(self) -> Mapping[str, PyJWK]:
        """The public keys by name, as they were last read (`KeyListing`)."""
        return {kid: key.jwk for kid, key in self._keys.items()}

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

    async def revoke(self, kid: str) -> Sequence[SigningKeyView] | None:
        """Drop a key at once; every process does within two seconds. None if there is no such key."""
        return await self.views() if await self._store.revoke(kid) else None

    async def views(self) -> Sequence[SigningKeyView]:
        """How the published keys stand, oldest first."""
        now = self._clock.now()
        found = await self._store.rows()
        ours = [row for row, readable in found if readable]
        waiting = [row.kid for row in ours if row.created_at + SIGNS_AFTER > now]
        signing = _signing(ours, now).kid if ours else None
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
        self._keys = {key.kid: self._as_known(key) for key in keys}

    def _as_known(self, key: SigningKey) -> SigningKey:
        """With the public half that is known already: what it has verified needs no second look."""
        known = self._keys.get(key.kid)
        return replace(key, jwk=known.jwk) if known is not None and known.public == key.public else key


class _Aging(Protocol):
    @property
    def created_at(self) -> datetime: ...
    @property
    def retired_at(self) -> datetime | None: ...


Key = TypeVar("Key", bound=_Aging)


def _signing(keys: Sequence[Key], now: datetime) -> Key:
    """The newest that every process knows, of those that are not retired; a successor in haste signs at once."""
    in_use = [key for key in keys if key.retired_at is None or key.retired_at > now]
    known = [key for key in in_use if key.created_at + SIGNS_AFTER <= now]
    return (known[-1:] or in_use[:1] or keys[-1:])[0]


def _state(kid: str, signing: str | None, waiting: Sequence[str], *, readable: bool) -> KeyState:
    if not readable:
        return KeyState.UNREADABLE
    if kid == signing:
        return KeyState.SIGNING
    return KeyState.NEXT if kid in waiting else KeyState.RETIRED
