"""Change one's own name and profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Versions
from hedgerow_users.application.account_view import AccountView, view_of
from hedgerow_users.application.profile_patch import ProfilePatch, patched
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOwnProfile(Command[AccountView]):
    """What the owner wants changed."""

    account_id: AccountId
    patch: ProfilePatch
    expected: Versions | None = None


@final
class UpdateOwnProfileHandler:
    """Saves what is different; what changes nothing is no change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: UpdateOwnProfile, work: UsersUnitOfWork) -> AccountView:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            InvalidName, UnsuitableProfile: a value breaks its rule.
            ConflictError: `concurrent_change`, the account changed meanwhile.
            PreconditionError: it is not at a version that the caller expects.
        """
        account = await work.accounts.find(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        account.demand_version(command.expected)
        if patched(account, command.patch, at=self._clock.now()):
            await work.accounts.save(account)
        return view_of(account)
