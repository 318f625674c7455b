"""Keeps what a process has in memory level with the database: revocations within half a second, keys within two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import final

from hedgerow_core.observability import log_of
from hedgerow_users.infrastructure.key_uses import KeyUses
from hedgerow_users.infrastructure.revocations import RevocationList
from hedgerow_users.infrastructure.signing_keys import SigningKeys

REVOCATIONS_EVERY_S = 0.4
"""A revocation must be felt everywhere within a second."""
KEYS_EVERY_S = 2.0
"""A new key is known everywhere before it signs."""
FORGET_EVERY_S = 60.0
KEY_USES_EVERY_S = 10.0
WITHIN_S = 2.0
"""A database that takes longer is asked anew."""

_log = log_of(__name__)


@final
class KeepingUp:
    """The background work of a serving process."""

    def __init__(self, revocations: RevocationList, keys: SigningKeys, key_uses: KeyUses) -> None:
        self._revocations = revocations
        self._keys = keys
        self._key_uses = key_uses

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read everything once, then again and again while the body runs.

        Raises:
            SigningKeysUnreadable: the server secret is not the one that the keys were encrypted with.
            UnavailableError: the database is away.
        """
        await self._keys.current()
        await self._revocations.read()
        tasks = [
            asyncio.create_task(_again_and_again(what, work, every_s))
            for what, work, every_s in (
                ("revocations", self._revocations.read, REVOCATIONS_EVERY_S),
                ("old revocations", self._revocations.forget, FORGET_EVERY_S),
                ("signing keys", self._keys.refresh, KEYS_EVERY_S),
                ("uses of keys", self._key_uses.write, KEY_USES_EVERY_S),
            )
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(what: str, work: Callable[[], Awaitable[None]], every_s: float) -> None:
    failing = False
    while True:
        await asyncio.sleep(every_s)
        try:
            async with asyncio.timeout(WITHIN_S):
                await work()
        except Exception as error:
            if not failing:
                _log.warning("users_fall_behind", what=what, error=type(error).__name__)
            failing = True
            continue
        if failing:
            _log.info("users_caught_up", what=what)
        failing = False
