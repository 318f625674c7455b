"""Remove one's own second factor: it takes the password and a last code, and every session has to log in again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.mails import Notice
from hedgerow_users.application.second_proof import SecondProof
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.session import EndReason


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSecondFactor(Command[None]):
    """Switch off the factor of somebody whose password matched `verified`."""

    account_id: AccountId
    verified: PasswordHash
    code: Secret


@final
class RemoveSecondFactorHandler:
    """Ends all sessions, the caller's own included: what they have proven is no longer there."""

    def __init__(self, proof: SecondProof, clock: Clock) -> None:
        self._proof = proof
        self._clock = clock

    async def __call__(self, command: RemoveSecondFactor, work: UsersUnitOfWork) -> None:
        """Handle the command.

        Raises:
            AccountGone, WrongPassword, SecondFactorOff, WrongCode: as `SecondProof.of_owner`.
        """
        account = await self._proof.of_owner(command.account_id, command.verified, command.code, work)
        await work.second_factors.remove(account.id)
        await work.sessions.end_all(account.id, EndReason.SECOND_FACTOR_CHANGED, at=self._clock.now())
        await work.tasks.enqueue(SendNotice(email=account.email.address, about=Notice.SECOND_FACTOR_OFF))
