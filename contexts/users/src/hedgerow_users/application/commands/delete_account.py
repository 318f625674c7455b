"""Delete somebody's account: its id stays, its address is free again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.administration import actor_of, target_of
from hedgerow_users.application.ending import end_for_good
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.authority import Deed


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAccount(Command[None]):
    """An administrator deletes an account."""

    actor_id: AccountId
    account_id: AccountId
    expected: Versions | None = None


@final
class DeleteAccountHandler:
    """Deletes it for good, and ends all its sessions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: DeleteAccount, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountNotFound, AccountDeleted: there is nothing to delete.
            NotYourself, SuperAdminImmutable, OutranksYou: the actor may not do it.
            PreconditionError: it is not at a version that the caller expects.
        """
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.DELETE, command.account_id)
        account.demand_version(command.expected)
        await end_for_good(account, work, at=self._clock.now())
