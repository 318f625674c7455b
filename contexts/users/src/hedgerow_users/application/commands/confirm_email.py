"""Confirm another address: from now on it is the account's, and the old one is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.link import Purpose, hash_of
from hedgerow_users.domain.proof_errors import InvalidLink


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmEmail(Command[AccountId]):
    """Redeem the code that was mailed to the new address."""

    code: Secret


@final
class ConfirmEmailHandler:
    """Changes the address; whether it is still free is decided by the database."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: ConfirmEmail, work: UsersUnitOfWork) -> AccountId:
        """Handle the command.

        Raises:
            InvalidLink: the code is not, or no longer, good.
            EmailTaken: somebody has taken the address since the link was mailed.
        """
        now = self._clock.now()
        link = await work.links.redeem(hash_of(command.code), Purpose.CHANGE_EMAIL, at=now)
        account = await work.accounts.find(link.account_id) if link else None
        if link is None or account is None or not account.is_active:
            raise InvalidLink
        old = account.email
        account.change_email(link.email, at=now)
        await work.accounts.save(account)
        await work.links.forget(account.id)  # those to the old address
        await work.tasks.enqueue(SendNotice(email=old.address))
        return account.id
