"""Rotate an API key: a new one takes over, and the old one may still be used for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.api_key_view import NewApiKey, made
from hedgerow_users.application.key_ports import ScopeTable
from hedgerow_users.application.live_key import hold_live_key
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.api_key import MOST_LIVE_KEYS, ApiKeyId
from hedgerow_users.domain.key_errors import ScopesBeyondRoles, TooManyKeys


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateApiKey(Command[NewApiKey]):
    """Replace a key of one's own. The old one is good for `grace` more."""

    account_id: AccountId
    roles: frozenset[str]
    """Of the session that asks, which may be fewer than the account's."""
    key_id: ApiKeyId
    grace: timedelta


@final
class RotateApiKeyHandler:
    """Makes the successor and ends the old key, in one transaction. A key has one successor."""

    def __init__(self, clock: Clock, scopes: ScopeTable) -> None:
        self._clock = clock
        self._scopes = scopes

    async def __call__(self, command: RotateApiKey, work: UsersUnitOfWork) -> NewApiKey:
        """Handle the command.

        Raises:
            KeyNotFound: it has ended, is somebody else's, or never was.
            KeyAlreadyRotated: it has a successor, and is good only until its grace is over.
            ScopesBeyondRoles: the session could not make such a key. It would get one that its owner has made.
            TooManyKeys: the old one would live on besides as many as there may be.
            AccountGone: the account was removed or closed.
        """
        now = self._clock.now()
        live = await work.api_keys.live_of(command.account_id, at=now)
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        old = await hold_live_key(work, command.key_id, of=command.account_id, at=now)
        if beyond := self._scopes.beyond(command.roles.intersection(account.roles), old.scopes):
            raise ScopesBeyondRoles(beyond)
        if command.grace and live >= MOST_LIVE_KEYS:
            raise TooManyKeys(most=MOST_LIVE_KEYS)
        text, successor = old.rotate(grace=command.grace, at=now)
        await work.api_keys.save(old)
        await work.api_keys.add(successor)
        return made(text, successor)
