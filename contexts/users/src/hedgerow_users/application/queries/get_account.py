"""The account of whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Query
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.domain.account import AccountStatus
from hedgerow_users.domain.account_errors import AccountGone


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetAccount(Query[AccountView]):
    """What the owner of an account sees of it."""

    account_id: UUID


@final
class GetAccountHandler:
    """Reads one row."""

    def __init__(self, accounts: AccountReader) -> None:
        self._accounts = accounts

    async def __call__(self, query: GetAccount) -> AccountView:
        """Answer the query.

        Raises:
            AccountGone: there is no such account, or it is closed, so whoever asks for their own is nobody.
        """
        account = await self._accounts.view(query.account_id)
        if account is None or account.status is not AccountStatus.ACTIVE:
            raise AccountGone
        return account
