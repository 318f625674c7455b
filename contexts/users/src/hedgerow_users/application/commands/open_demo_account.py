"""Open an account of the demo data: under an id that is known beforehand, confirmed, and without any mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.roles import Role


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDemoAccount(Command[bool]):
    """Open it, unless the address is taken: whether it was. Internal: the seed calls it; no route leads here."""

    account_id: AccountId
    email: Email
    name: Name
    roles: frozenset[Role]
    password_hash: PasswordHash | None
    """None: nobody can log in with a password."""


@final
class OpenDemoAccountHandler:
    """Adds the account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: OpenDemoAccount, work: UsersUnitOfWork) -> bool:
        """Handle the command."""
        now = self._clock.now()
        account = Account.register(
            id=command.account_id,
            email=command.email,
            name=command.name,
            password_hash=command.password_hash,
            roles=tuple(sorted(role.value for role in command.roles)),
            at=now,
            verified_at=now,
        )
        return await work.accounts.add_if_free(account)
