"""The list of accounts for administrators: filters, search, and pages that inserts don't shift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from sqlalchemy import ColumnElement, any_, func, literal, or_, select

from hedgerow_core.application import Page
from hedgerow_core.persistence import Database, SortKey, keyset, page_of, sort_names
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.ports import AccountFilter
from hedgerow_users.domain.account import AccountStatus
from hedgerow_users.infrastructure.rows import VIEWED, account_view_of
from hedgerow_users.infrastructure.tables import accounts

_ACCOUNTS = select(*VIEWED)

_SORT_KEYS: Mapping[str, SortKey] = {  # ix_accounts_created, ix_accounts_name, ix_accounts_email
    "created_at": SortKey.of_time(accounts.c.created_at),
    "name": SortKey.of_text(accounts.c.name),
    "email": SortKey.of_text(accounts.c.email),
}


@final
class DatabaseAccountDirectory:
    """Accounts page by page (port `AccountDirectory`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, wanted: AccountFilter, *, sort: str, cursor: str | None, limit: int) -> Page[AccountView]:
        """Read a page."""
        statement = keyset(
            _ACCOUNTS.where(*_conditions(wanted)),
            sort=sort,
            keys=_SORT_KEYS,
            id_column=accounts.c.id,
            cursor=cursor,
            limit=limit,
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return page_of(
            rows,
            limit=limit,
            sort=sort,
            sorted_by=lambda row: tuple(getattr(row, name) for name in sort_names(sort)),
            id_of=lambda row: row.id,
            read=account_view_of,
        )


def _conditions(wanted: AccountFilter) -> list[ColumnElement[bool]]:
    if wanted.status is None:
        conditions = [accounts.c.status != AccountStatus.DELETED.value]
    else:
        conditions = [accounts.c.status == wanted.status.value]
    if wanted.email is not None:
        conditions.append(func.lower(accounts.c.email) == wanted.email.identity)
    if wanted.role is not None:
        conditions.append(literal(wanted.role.value) == any_(accounts.c.roles))
    if wanted.search is not None:
        # `icontains` with autoescape: % and _ in what somebody typed mean themselves.
        found = (column.icontains(wanted.search, autoescape=True) for column in (accounts.c.name, accounts.c.email))
        conditions.append(or_(*found))
    return conditions
