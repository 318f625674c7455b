"""Reactivate an account: its owner may log in again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.administration import actor_of, target_of
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.authority import ActorId, Deed


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivateAccount(Command[AccountView]):
    """An administrator opens a closed account."""

    actor_id: ActorId
    account_id: AccountId
    expected: Versions | None = None


@final
class ReactivateAccountHandler:
    """Opens it. Sessions that were ended stay ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: ReactivateAccount, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            AccountNotFound, AccountDeleted, AccountNotDeactivated: there is nothing to open.
            NotYourself, SuperAdminImmutable, OutranksYou: the actor may not do it.
            PreconditionError: it is not at a version that the caller expects.
        """
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.REACTIVATE, command.account_id)
        account.demand_version(command.expected)
        account.reactivate(at=self._clock.now())
        await work.accounts.save(account)
        return view_of(account)
