"""Make a login link: an operator lets somebody in who can't prove the password, and gets no mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountDeactivated, AccountNotFound
from hedgerow_users.domain.link import Link, Purpose, hash_of, new_code


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MakeLoginLink(Command[Secret]):
    """Answers with the code of the link, which is shown once. No route leads here."""

    account_id: AccountId
    lifetime: timedelta


@final
class MakeLoginLinkHandler:
    """Keeps the hash of the code. The account's last login link, if it waits still, is replaced."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, command: MakeLoginLink, work: UsersUnitOfWork) -> Secret:
        """Handle the command.

        Raises:
            AccountNotFound: there is no such account.
            AccountDeactivated: nobody may log in to it.
        """
        account = await work.accounts.hold(command.account_id)
        if account is None:
            raise AccountNotFound
        if not account.is_active:
            raise AccountDeactivated
        code = new_code()
        await work.links.issue(
            Link(account_id=account.id, email=account.email),
            Purpose.LOG_IN,
            hash_of(code),
            at=self._clock.now(),
            lifetime=command.lifetime,
        )
        return code
