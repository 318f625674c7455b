"""Refuse a login: nothing changes, and the trail says who was knocked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.proof_errors import InvalidCredentials


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseLogIn(Command[None]):
    """Somebody gave an address and a password that don't belong together. Internal: `LogIn` finds out."""

    account_id: AccountId | None
    """Whose address it is. An address without an account is not written down: it may be a password."""


@final
class RefuseLogInHandler:
    """Refuses: known and unknown accounts with the same work."""

    async def __call__(self, command: RefuseLogIn, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            InvalidCredentials: always.
        """
        raise InvalidCredentials
