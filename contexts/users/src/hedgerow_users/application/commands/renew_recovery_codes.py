"""Renew the recovery codes: the owner gets ten others, and those of before are no longer good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Secret
from hedgerow_users.application.mails import Notice
from hedgerow_users.application.second_proof import SecondProof, fresh_recovery_codes
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.password import PasswordHash


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RenewRecoveryCodes(Command[Sequence[Secret]]):
    """Replace the set of somebody whose password matched `verified`. Answers with the codes, shown once."""

    account_id: AccountId
    verified: PasswordHash
    code: Secret


@final
class RenewRecoveryCodesHandler:
    """Wants a code besides the password: who has only found an open session and the password gets none."""

    def __init__(self, proof: SecondProof) -> None:
        self._proof = proof

    async def __call__(self, command: RenewRecoveryCodes, work: UsersUnitOfWork) -> Sequence[Secret]:
        """Handle the command.

        Raises:
            AccountGone, WrongPassword, SecondFactorOff, WrongCode: as `SecondProof.of_owner`.
        """
        account = await self._proof.of_owner(command.account_id, command.verified, command.code, work)
        await work.tasks.enqueue(SendNotice(email=account.email.address, about=Notice.RECOVERY_CODES_NEW))
        return await fresh_recovery_codes(account.id, work)
