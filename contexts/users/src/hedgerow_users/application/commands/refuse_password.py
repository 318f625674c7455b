"""Refuse a proof of the current password: nothing changes, and the trail says whose session somebody guesses in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.proof_errors import WrongPassword


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RefusePassword(Command[None]):
    """Somebody who is logged in gave a wrong password. Internal: who asks for the password finds out."""

    account_id: AccountId


@final
class RefusePasswordHandler:
    """Refuses."""

    async def __call__(self, command: RefusePassword, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            WrongPassword: always.
        """
        raise WrongPassword
