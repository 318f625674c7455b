"""Create an account for somebody else: it has no password until its owner sets one through a mailed link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.administration import actor_of
from hedgerow_users.application.tasks.send_link import ask_for_link
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.authority import demand_authority_to_grant
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.roles import Role


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAccount(Command[AccountView]):
    """An administrator opens an account."""

    actor_id: AccountId
    email: str
    name: str
    roles: frozenset[Role]


@final
class CreateAccountHandler:
    """Adds the account and asks for a mail that lets its owner set a password."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: CreateAccount, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            InvalidEmail, InvalidName: what was written is not acceptable.
            RoleTooHigh: the actor may not give such a role.
            EmailTaken: the address has an account.
        """
        actor = await actor_of(work, command.actor_id)
        demand_authority_to_grant(actor, command.roles)
        account = Account.register(
            email=Email.written(command.email),
            name=Name.written(command.name),
            password_hash=None,
            roles=tuple(sorted(role.value for role in command.roles)),
            at=self._clock.now(),
        )
        await work.accounts.add(account)
        await ask_for_link(work, Purpose.RESET_PASSWORD, account.email, at=account.created_at)
        return view_of(account)
