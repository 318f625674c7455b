"""The one way to a key that somebody wants to change: held, still good, and of this account."""

from __future__ import annotations

from datetime import datetime

from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKey, ApiKeyId
from hedgerow_users.domain.key_errors import KeyNotFound


async def hold_live_key(work: UsersUnitOfWork, id: ApiKeyId, *, of: AccountId, at: datetime) -> ApiKey:
    """The key, locked until the transaction ends. Other people's keys don't exist.

    Raises:
        KeyNotFound: it has ended, is somebody else's, or never was.
    """
    key = await work.api_keys.hold(id)
    if key is None or key.owner.account_id != of or not key.is_live(at):
        raise KeyNotFound
    return key
