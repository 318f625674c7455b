"""Speak for somebody: an operator is shown what an account is answered, without its password (ADR 0030)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Secret, new_id
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.token_ports import AccessTokens
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountDeactivated, AccountNotFound
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.session import SessionId


@final
class ImpersonateByEmail:
    """Has it written down, then issues an access token (protocol `Impersonation`). No session stands behind it."""

    def __init__(self, bus: Bus, accounts: AccountReader, access_tokens: AccessTokens) -> None:
        self._bus = bus
        self._accounts = accounts
        self._access_tokens = access_tokens

    async def __call__(self, email: str, *, why: str) -> Secret | None:
        """A token of the account with this address, with all its roles; None if nobody has it.

        Raises:
            InvalidEmail: it is no address.
            AccountDeactivated: the owner could not log in either.
        """
        known = await self._accounts.credentials_of_email(Email.written(email))
        if known is None:
            return None
        account_id = known.account_id
        roles = await self._bus.execute(ImpersonateAccount(account_id=account_id, why=why))
        access = await self._access_tokens.issue(account_id=account_id, session_id=SessionId(new_id()), roles=roles)
        return access.token


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ImpersonateAccount(Command[tuple[str, ...]]):
    """Answers with the roles of the account. No route leads here."""

    account_id: AccountId
    why: str


@final
class ImpersonateAccountHandler:
    """Changes nothing: what matters is that it is written down."""

    async def __call__(self, command: ImpersonateAccount, work: UsersUnitOfWork) -> tuple[str, ...]:
        """Handle the command.

        Raises:
            AccountNotFound: there is no such account.
            AccountDeactivated: nobody may log in to it.
        """
        account = await work.accounts.find(command.account_id)
        if account is None:
            raise AccountNotFound
        if not account.is_active:
            raise AccountDeactivated
        return account.roles
