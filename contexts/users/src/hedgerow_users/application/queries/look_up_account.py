"""Anybody's account, for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Query
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.domain.account_errors import AccountNotFound


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpAccount(Query[AccountView]):
    """What an administrator sees of an account, closed and deleted ones included."""

    account_id: UUID


@final
class LookUpAccountHandler:
    """Reads one row."""

    def __init__(self, accounts: AccountReader) -> None:
        self._accounts = accounts

    async def __call__(self, query: LookUpAccount) -> AccountView:
        """Answer the query.

        Raises:
            AccountNotFound: there never was such an account.
        """
        account = await self._accounts.view(query.account_id)
        if account is None:
            raise AccountNotFound
        return account
