"""Reset somebody's second factor: who has lost app and recovery codes sets up another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.administration import actor_of, target_of
from hedgerow_users.application.mails import Notice
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.authority import ActorId, Deed
from hedgerow_users.domain.second_factor_errors import SecondFactorOff
from hedgerow_users.domain.session import EndReason


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ResetSecondFactor(Command[None]):
    """Somebody higher removes the factor of an account."""

    actor_id: ActorId
    account_id: AccountId


@final
class ResetSecondFactorHandler:
    """Removes it, ends all sessions, and has the owner told: if it wasn't asked for, somebody is at work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: ResetSecondFactor, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountNotFound: there is no such account.
            NotYourself, SuperAdminImmutable, OutranksYou: the actor may not do it.
            SecondFactorOff: there is nothing to remove.
        """
        actor = await actor_of(work, command.actor_id)
        account = await target_of(work, actor, Deed.RESET_SECOND_FACTOR, command.account_id)
        await work.accounts.take(account.id)  # no login is under way that would have asked for a code
        if not await work.second_factors.remove(account.id):
            raise SecondFactorOff
        await work.sessions.end_all(account.id, EndReason.SECOND_FACTOR_CHANGED, at=self._clock.now())
        await work.tasks.enqueue(SendNotice(email=account.email.address, about=Notice.SECOND_FACTOR_RESET))
