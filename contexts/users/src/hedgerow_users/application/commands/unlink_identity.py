"""Unlink an identity: its provider lets nobody into the account any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Command
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.identity_errors import IdentityNotFound, LastWayToLogIn


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UnlinkIdentity(Command[None]):
    """Forget an identity of one's own."""

    account_id: AccountId
    identity_id: UUID


@final
class UnlinkIdentityHandler:
    """Removes it, unless nobody could log in then. Other people's identities don't exist for a caller."""

    async def __call__(self, command: UnlinkIdentity, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            IdentityNotFound: it has ended, is somebody else's, or never was.
            LastWayToLogIn: there is no password and no other identity.
        """
        # All of them: of two that are unlinked at once, the second must see that the first is gone.
        held = await work.identities.hold_all_of(command.account_id)
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        identity = next((identity for identity in held if identity.id == command.identity_id), None)
        if identity is None:
            raise IdentityNotFound
        if account.password_hash is None and len(held) == 1:
            raise LastWayToLogIn
        await work.identities.remove(identity.id)
