"""Confirm a second factor: a first code shows that the app has the secret, and from now on logins ask for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.mails import Notice
from hedgerow_users.application.second_factor_ports import SecondFactorSecrets
from hedgerow_users.application.second_proof import fresh_recovery_codes
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.second_factor import SecondFactor, totp_code
from hedgerow_users.domain.second_factor_errors import SecondFactorOff, SecondFactorOn, WrongCode
from hedgerow_users.domain.session import EndReason, SessionId


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmSecondFactor(Command[Sequence[Secret]]):
    """Switch on the factor that waits. Answers with the recovery codes, which are shown once."""

    account_id: AccountId
    session_id: SessionId | None
    """The caller's own session, which goes on; the others end."""
    code: Secret


@final
class ConfirmSecondFactorHandler:
    """Takes the account, so that no login without a code slips through at this moment."""

    def __init__(self, secrets: SecondFactorSecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    async def __call__(self, command: ConfirmSecondFactor, work: UsersUnitOfWork) -> Sequence[Secret]:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            SecondFactorOn: it is confirmed already.
            SecondFactorOff: none was begun within the last hour.
            WrongCode: the app shows another code.
        """
        now = self._clock.now()
        account = await work.accounts.take(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        factor = await work.second_factors.find(account.id)
        if factor is not None and factor.is_on:
            raise SecondFactorOn
        if factor is None or not factor.may_be_confirmed(now):
            raise SecondFactorOff
        step = self._step_of(command.code, factor)
        if step is None or not await work.second_factors.confirm(factor, step, at=now):
            raise WrongCode
        codes = await fresh_recovery_codes(account.id, work)
        if command.session_id is None:
            await work.sessions.end_all(account.id, EndReason.SECOND_FACTOR_CHANGED, at=now)
        else:
            await work.sessions.end_others(command.session_id, account.id, EndReason.SECOND_FACTOR_CHANGED, at=now)
        await work.tasks.enqueue(SendNotice(email=account.email.address, about=Notice.SECOND_FACTOR_ON))
        return codes

    def _step_of(self, code: Secret, factor: SecondFactor) -> int | None:
        digits = totp_code(code)
        return None if digits is None else self._secrets.step_of(factor, digits, at=self._clock.now())
