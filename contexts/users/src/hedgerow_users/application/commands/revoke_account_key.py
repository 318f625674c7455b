"""Revoke somebody else's API key, as an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.administration import actor_of, target_of
from hedgerow_users.application.live_key import hold_live_key
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKeyId
from hedgerow_users.domain.authority import Deed


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeAccountKey(Command[None]):
    """An administrator ends a key of an account."""

    actor_id: AccountId
    account_id: AccountId
    key_id: ApiKeyId


@final
class RevokeAccountKeyHandler:
    """Ends it, by the rules that hold for every act on that account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: RevokeAccountKey, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountNotFound, KeyNotFound: there is nothing to end.
            NotYourself, SuperAdminImmutable, OutranksYou: the actor may not do it.
        """
        now = self._clock.now()
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.REVOKE_KEY, command.account_id)
        key = await hold_live_key(work, command.key_id, of=account.id, at=now)
        key.revoke(at=now)
        await work.api_keys.save(key)
