"""Delete one's own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.ending import end_for_good
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOwnAccount(Command[None]):
    """The owner wants to be forgotten."""

    account_id: AccountId
    expected: Versions | None = None


@final
class DeleteOwnAccountHandler:
    """Deletes it for good, and ends all its sessions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: DeleteOwnAccount, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountGone: it is gone or closed already.
            SuperAdminImmutable: a super_admin is never deleted.
            PreconditionError: it is not at a version that the caller expects.
        """
        account = await work.accounts.find(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        account.demand_version(command.expected)
        await end_for_good(account, work, at=self._clock.now())
