"""Revoke an API key: an owner ends one of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.live_key import hold_live_key
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKeyId


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeApiKey(Command[None]):
    """End a key of one's own."""

    account_id: AccountId
    key_id: ApiKeyId


@final
class RevokeApiKeyHandler:
    """Ends it if it is the caller's and still good. Other people's keys don't exist for a caller."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RevokeApiKey, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            KeyNotFound: it has ended, is somebody else's, or never was.
        """
        now = self._clock.now()
        key = await hold_live_key(work, command.key_id, of=command.account_id, at=now)
        key.revoke(at=now)
        await work.api_keys.save(key)
