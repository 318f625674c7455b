"""Verify an address: whoever has the code of our mail reads the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.link import Purpose, hash_of
from hedgerow_users.domain.proof_errors import InvalidLink


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyEmail(Command[AccountId]):
    """Redeem the code of a mail that `verify-email/request` or the registration sent."""

    code: Secret


@final
class VerifyEmailHandler:
    """Notes on the account that its address is confirmed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: VerifyEmail, work: UsersUnitOfWork) -> AccountId:
        """Handle the command.

        Raises:
            InvalidLink: the code is not, or no longer, good, or the account has another address by now.
        """
        now = self._clock.now()
        link = await work.links.redeem(hash_of(command.code), Purpose.VERIFY_EMAIL, at=now)
        account = await work.accounts.find(link.account_id) if link else None
        if link is None or account is None or not account.is_active or account.email != link.email:
            raise InvalidLink
        if account.verify_email(at=now):
            await work.accounts.save(account)
        return account.id
