"""Renew the hash of a password: the same password, hashed as we do it by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.password import PasswordHash


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RenewPasswordHash(Command[None]):
    """Replace the outdated hash that somebody's password has just matched. Internal: `LogIn` notices."""

    account_id: AccountId
    outdated: PasswordHash
    renewed: PasswordHash


@final
class RenewPasswordHashHandler:
    """Compares and sets: a password that was changed at this moment stays. No version, no event: nothing is new."""

    async def __call__(self, command: RenewPasswordHash, work: UsersUnitOfWork) -> None:
        """Handle the command."""
        await work.accounts.renew_password_hash(
            command.account_id, outdated=command.outdated, renewed=command.renewed
        )
