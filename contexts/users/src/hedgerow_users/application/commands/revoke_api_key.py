"""Revoke an API key: an owner ends one of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.ports import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKeyId
from hedgerow_users.domain.errors import KeyNotFound


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
        key = await work.api_keys.hold(command.key_id)
        if key is None or key.owner.account_id != command.account_id or not key.is_live(now):
            raise KeyNotFound
        key.revoke(at=now)
        await work.api_keys.save(key)
