"""Change somebody else's name and profile, as an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.administration import actor_of, target_of
from hedgerow_users.application.profile_patch import ProfilePatch, patched
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.authority import Deed


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateAccount(Command[AccountView]):
    """What an administrator wants changed."""

    actor_id: AccountId
    account_id: AccountId
    patch: ProfilePatch
    expected: Versions | None = None


@final
class UpdateAccountHandler:
    """Saves what is different; what changes nothing is no change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: UpdateAccount, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            AccountNotFound, AccountDeleted: there is nothing to change.
            SuperAdminImmutable, OutranksYou: the actor may not do it.
            InvalidName, UnsuitableProfile: a value breaks its rule.
            ConflictError: `concurrent_change`, the account changed meanwhile.
            PreconditionError: it is not at a version that the caller expects.
        """
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.CHANGE, command.account_id)
        account.demand_version(command.expected)
        if patched(account, command.patch, at=self._clock.now()):
            await work.accounts.save(account)
        return view_of(account)
