"""Provision: who comes with a token of an identity provider for the first time has an account from then on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.identity_ports import IdentityReader, KnownIdentity
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.account_errors import EmailTaken
from hedgerow_users.domain.identity import Identity
from hedgerow_users.domain.identity_errors import IdentityNotLinked, IdentityTaken, IdentityWithoutEmail


@final
class RecognizeIdentity:
    """Finds the account of whom a provider introduces; opens one at first sight.

    Never takes one over because its address is the same: whoever can have a provider confirm an address, or was
    here first with somebody else's, would get into the account of another (ADR 0016).
    """

    def __init__(
        self, identities: IdentityReader, provision: Callable[[ProvisionAccount], Awaitable[None]]
    ) -> None:
        self._identities = identities
        self._provision = provision

    async def __call__(self, introduced: Introduction) -> KnownIdentity:
        """Whom a good token speaks for: one statement, if we know.

        Raises:
            IdentityWithoutEmail: somebody new without a confirmed address.
            IdentityNotLinked: somebody new whose address has an account.
        """
        known = await self._identities.find(introduced.provider, introduced.subject)
        return known if known and known.is_settled else await self._first_sight_of(introduced)

    async def _first_sight_of(self, introduced: Introduction) -> KnownIdentity:
        if introduced.email is None:
            raise IdentityWithoutEmail
        if not await self._identities.has_account(introduced.email):
            with suppress(EmailTaken, IdentityTaken):  # somebody was faster with the identity, or the address
                await self._provision(ProvisionAccount(introduced=introduced))
        known = await self._identities.find(introduced.provider, introduced.subject)
        if known is None or not known.is_settled:
            raise IdentityNotLinked
        return known


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionAccount(Command[None]):
    """Open an account for an identity. Internal: what checks tokens calls `RecognizeIdentity`."""

    introduced: Introduction


@final
class ProvisionAccountHandler:
    """Adds an account without a password, and the identity that stands for it.

    Of any number at once one gets through; that is decided by the database alone.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: ProvisionAccount, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            IdentityWithoutEmail: no confirmed address came along.
            EmailTaken: the address has an account.
            IdentityTaken: the identity has one, or has ended.
        """
        introduced, now = command.introduced, self._clock.now()
        known = await work.identities.hold(introduced.provider, introduced.subject)
        identity = known or Identity.of(introduced.provider, introduced.subject, at=now)
        await open_account_for(identity, introduced, work, at=now)
        await work.identities.save(identity)


async def open_account_for(
    identity: Identity, introduced: Introduction, work: UsersUnitOfWork, *, at: datetime
) -> None:
    """Add an account that the identity stands for; the identity itself is then to be saved.

    Raises:
        IdentityWithoutEmail, EmailTaken, IdentityTaken: as in `ProvisionAccountHandler`.
    """
    if introduced.email is None:
        raise IdentityWithoutEmail
    account = Account.register(
        email=introduced.email, name=introduced.called, password_hash=None, at=at, verified_at=at
    )
    identity.belong_to(account.id)
    identity.hear(introduced.email, as_of=introduced.as_of)
    await work.accounts.add(account)
