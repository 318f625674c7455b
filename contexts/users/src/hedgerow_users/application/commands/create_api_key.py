"""Create an API key: the owner hands a part of what they may to a program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.api_key_view import NewApiKey, made
from hedgerow_users.application.key_ports import ScopeTable
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.api_key import MOST_LIVE_KEYS, ApiKey, KeyOwner
from hedgerow_users.domain.key_errors import ScopesBeyondRoles, TooManyKeys, UnknownScopes
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.proof_errors import EmailNotVerified


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateApiKey(Command[NewApiKey]):
    """What the key shall be called, made for, and how long it is good."""

    account_id: AccountId
    roles: frozenset[str]
    """Of the session that asks, which may be fewer than the account's."""
    name: str
    scopes: frozenset[str]
    lifetime: timedelta


@final
class CreateApiKeyHandler:
    """Makes the key. What its owner may not do now can't be asked for; what they lose later, the key loses, too."""

    def __init__(self, clock: Clock, scopes: ScopeTable, *, require_verified_email: bool = False) -> None:
        self._clock = clock
        self._scopes = scopes
        self._require_verified_email = require_verified_email

    async def __call__(self, command: CreateApiKey, work: UsersUnitOfWork) -> NewApiKey:
        """Handle the command.

        Raises:
            InvalidName: the name is not acceptable.
            UnknownScopes, ScopesBeyondRoles: names those scopes.
            AccountGone: the account was removed or closed.
            EmailNotVerified: nobody has confirmed its address, and the settings demand it.
            TooManyKeys: it has as many as it may have.
        """
        name = Name.written(command.name)
        if unknown := self._scopes.unknown(command.scopes):
            raise UnknownScopes(unknown)
        now = self._clock.now()
        # Counted under a lock that only makers of keys take, and before the account is held: who closes the account
        # at this moment either comes first and is seen here, or comes after and revokes this key with the others.
        live = await work.api_keys.live_of(command.account_id, at=now)
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        if self._require_verified_email and account.verified_at is None:
            raise EmailNotVerified
        if beyond := self._scopes.beyond(command.roles.intersection(account.roles), command.scopes):
            raise ScopesBeyondRoles(beyond)
        if live >= MOST_LIVE_KEYS:
            raise TooManyKeys(most=MOST_LIVE_KEYS)
        owner = KeyOwner(account_id=account.id)
        text, key = ApiKey.make(owner, name=name, scopes=command.scopes, lifetime=command.lifetime, at=now)
        await work.api_keys.add(key)
        return made(text, key)
