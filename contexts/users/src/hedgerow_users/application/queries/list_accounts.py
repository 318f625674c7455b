"""The accounts, page by page, for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Page, Query
from hedgerow_users.application.account_ports import AccountDirectory, AccountFilter
from hedgerow_users.application.account_view import AccountView

NEWEST_FIRST = "-created_at"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListAccounts(Query[Page[AccountView]]):
    """A page, sorted by `created_at`, `name` or `email`."""

    wanted: AccountFilter
    limit: int
    sort: str = NEWEST_FIRST
    cursor: str | None = None


@final
class ListAccountsHandler:
    """One statement."""

    def __init__(self, directory: AccountDirectory) -> None:
        self._directory = directory

    async def __call__(self, query: ListAccounts) -> Page[AccountView]:
        """Answer the query.

        Raises:
            ValidationError: an unknown sort key, or a cursor made under another one.
        """
        return await self._directory.list(query.wanted, sort=query.sort, cursor=query.cursor, limit=query.limit)
