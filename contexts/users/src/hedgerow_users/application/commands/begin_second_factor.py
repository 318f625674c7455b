"""Begin a second factor: the owner proves the password and gets a secret, which counts once a code confirms it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock
from hedgerow_users.application.second_factor_ports import NewSecret, SecondFactorSecrets
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.proof_errors import WrongPassword
from hedgerow_users.domain.second_factor_errors import SecondFactorOn


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BeginSecondFactor(Command[NewSecret]):
    """Make a secret for somebody whose password matched `verified`."""

    account_id: AccountId
    verified: PasswordHash


@final
class BeginSecondFactorHandler:
    """Keeps the secret sealed. One that waits is replaced: only the latest that was shown can be confirmed."""

    def __init__(self, secrets: SecondFactorSecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock

    async def __call__(self, command: BeginSecondFactor, work: UsersUnitOfWork) -> NewSecret:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            WrongPassword: the password was changed while it was checked.
            SecondFactorOn: there is one.
        """
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        if account.password_hash != command.verified:
            raise WrongPassword
        secret = self._secrets.make(account.id, account.email)
        if not await work.second_factors.begin(account.id, secret.sealed, at=self._clock.now()):
            raise SecondFactorOn
        return secret
