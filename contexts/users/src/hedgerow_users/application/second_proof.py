"""The check of a second factor's code: whichever kind it is, it is good once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.mails import Notice
from hedgerow_users.application.second_factor_ports import SecondFactorSecrets
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.proof_errors import WrongPassword
from hedgerow_users.domain.second_factor import (
    SecondFactor,
    hash_of_recovery_code,
    new_recovery_codes,
    totp_code,
)
from hedgerow_users.domain.second_factor_errors import CodeMissing, SecondFactorOff, WrongCode


@final
class SecondProof:
    """Uses codes up, inside the transaction that they allow: if that rolls back, the code is as good as before."""

    def __init__(self, secrets: SecondFactorSecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    async def takes(self, code: Secret, factor: SecondFactor, account: Account, work: UsersUnitOfWork) -> bool:
        """Whether the code is good, which it is no longer afterwards. A used recovery code is told to the owner.

        Raises:
            SecondFactorUnreadable: it is one of an app, and the secret can't be decrypted.
        """
        digits = totp_code(code)
        if digits is not None:
            step = self._secrets.step_of(factor, digits, at=self._clock.now())
            return step is not None and await work.second_factors.use_step(account.id, step)
        hash = hash_of_recovery_code(code)
        if hash is None or not await work.second_factors.use_recovery_code(account.id, hash, at=self._clock.now()):
            return False
        await work.tasks.enqueue(SendNotice(email=account.email.address, about=Notice.RECOVERY_CODE_USED))
        return True

    async def besides_password(self, account: Account, code: Secret | None, work: UsersUnitOfWork) -> bool:
        """Whether a second factor has been proven; False if the account has none on. The code is used up.

        Raises:
            CodeMissing: a factor is on, and there is no code.
            WrongCode: the code is wrong or used.
            SecondFactorUnreadable: as `takes`.
        """
        factor = await work.second_factors.find(account.id)
        if factor is None or not factor.is_on:
            return False
        if code is None:
            raise CodeMissing
        if not await self.takes(code, factor, account, work):
            raise WrongCode
        return True

    async def of_owner(
        self, account_id: AccountId, verified: PasswordHash, code: Secret, work: UsersUnitOfWork
    ) -> Account:
        """The account, taken, whose owner has given the password and a code that is now used up.

        Raises:
            AccountGone: the account was removed or closed.
            WrongPassword: the password was changed while it was checked.
            SecondFactorOff: there is no factor.
            WrongCode: the code is wrong or used.
            SecondFactorUnreadable: as `takes`.
        """
        account = await work.accounts.take(account_id)
        if account is None or not account.is_active:
            raise AccountGone
        if account.password_hash != verified:
            raise WrongPassword
        if not await self.besides_password(account, code, work):
            raise SecondFactorOff
        return account


async def fresh_recovery_codes(account_id: AccountId, work: UsersUnitOfWork) -> Sequence[Secret]:
    """Make a set of codes and keep their hashes. Whoever had one of before has none."""
    codes = {code: hash_of_recovery_code(code) for code in new_recovery_codes()}
    await work.second_factors.replace_recovery_codes(account_id, [hash for hash in codes.values() if hash])
    return list(codes)
