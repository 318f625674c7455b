"""Assign roles: from now on an account has these, and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.administration import actor_of, demand_another_super_admin, target_of
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.authority import ActorId, Deed, demand_authority_to_grant
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.session import EndReason


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRoles(Command[AccountView]):
    """A higher one decides what an account may."""

    actor_id: ActorId
    account_id: AccountId
    roles: frozenset[Role]
    expected: Versions | None = None


@final
class AssignRolesHandler:
    """Stores the roles, and ends all sessions of the account: their tokens name the old ones."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: AssignRoles, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            AccountNotFound, AccountDeleted: nobody is there to have them.
            NotYourself, SuperAdminImmutable, OutranksYou, RoleTooHigh: the actor may not do it.
            LastSuperAdmin: nobody would be one any more.
            PreconditionError: it is not at a version that the caller expects.
        """
        now = self._clock.now()
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.ASSIGN_ROLES, command.account_id)
        account.demand_version(command.expected)
        demand_authority_to_grant(actor, command.roles)
        if Role.SUPER_ADMIN not in command.roles:
            await demand_another_super_admin(work, account)
        if account.assign((role.value for role in command.roles), at=now):
            await work.accounts.save(account)
            await work.sessions.end_all(account.id, EndReason.ROLES_CHANGED, at=now)
        return view_of(account)
