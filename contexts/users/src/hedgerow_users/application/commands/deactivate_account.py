"""Deactivate an account: nobody logs in to it until it is reactivated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.administration import actor_of, demand_another_super_admin, target_of
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.authority import ActorId, Deed
from hedgerow_users.domain.session import EndReason


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeactivateAccount(Command[AccountView]):
    """An administrator closes somebody's account."""

    actor_id: ActorId
    account_id: AccountId
    expected: Versions | None = None


@final
class DeactivateAccountHandler:
    """Closes it, revokes its keys, and ends all its sessions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: DeactivateAccount, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            AccountNotFound, AccountDeleted, AccountNotActive: there is nothing to close.
            NotYourself, SuperAdminImmutable, OutranksYou: the actor may not do it.
            LastSuperAdmin: nobody would be left who manages administrators.
            PreconditionError: it is not at a version that the caller expects.
        """
        now = self._clock.now()
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.DEACTIVATE, command.account_id)
        account.demand_version(command.expected)
        account.deactivate(at=now)
        await demand_another_super_admin(work, account)
        await work.accounts.save(account)
        await work.links.forget(account.id)
        await work.api_keys.revoke_all(account.id, at=now)
        await work.sessions.end_all(account.id, EndReason.ACCOUNT_DEACTIVATED, at=now)
        return view_of(account)
