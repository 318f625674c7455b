"""The list of accounts for administrators: filters, search, and pages that inserts don't shift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

from sqlalchemy import ColumnElement, any_, func, literal, or_, select

from hedgerow_core.application import Filters, Page
from hedgerow_core.persistence import Database, SortKey, keyset, narrowed, page_of, sort_names
from hedgerow_users.application.account_ports import AccountFilter
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.domain.account import AccountStatus
from hedgerow_users.infrastructure.rows import VIEWED, account_view_of
from hedgerow_users.infrastructure.tables import accounts

_ACCOUNTS = select(*VIEWED)

_SORT_KEYS: Mapping[str, SortKey] = {  # ix_accounts_created, ix_accounts_name, ix_accounts_email
    "created_at": SortKey.of_time(accounts.c.created_at),
    "name": SortKey.of_text(accounts.c.name),
    "email": SortKey.of_text(accounts.c.email),
}

_FILTERABLE: Mapping[str, ColumnElement[Any]] = {
    "email": func.lower(accounts.c.email),  # uq_accounts_email
    **{name: accounts.c[name] for name in ("name", "status", "created_at", "updated_at", "verified_at")},
}


@final
class DatabaseAccountDirectory:
    """Accounts page by page (port `AccountDirectory`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, wanted: AccountFilter, *, sort: str, cursor: str | None, limit: int) -> Page[AccountView]:
        """Read a page."""
        statement = keyset(
            narrowed(_ACCOUNTS.where(*_conditions(wanted)), _in_one_case(wanted.filters), _FILTERABLE),
            sort=sort,
            keys=_SORT_KEYS,
            id_column=accounts.c.id,
            cursor=cursor,
            limit=limit,
        )
        rows = await self._database.view(statement)
        return page_of(
            rows,
            limit=limit,
            sort=sort,
            sorted_by=lambda row: tuple(getattr(row, name) for name in sort_names(sort)),
            id_of=lambda row: row.id,
            read=account_view_of,
        )


def _conditions(wanted: AccountFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if not any(filter.field == "status" for filter in wanted.filters):
        conditions.append(accounts.c.status != AccountStatus.DELETED.value)
    if wanted.role is not None:
        conditions.append(literal(wanted.role.value) == any_(accounts.c.roles))
    if wanted.search is not None:
        # `icontains` with autoescape: % and _ in what somebody typed mean themselves.
        found = (column.icontains(wanted.search, autoescape=True) for column in (accounts.c.name, accounts.c.email))
        conditions.append(or_(*found))
    return conditions


def _in_one_case(filters: Filters) -> Filters:
    """Addresses as the index has them: what is written is one address in whatever letter case."""
    return tuple(replace(each, value=_lowered(each.value)) if each.field == "email" else each for each in filters)


def _lowered(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(map(_lowered, value))
    return value.lower() if isinstance(value, str) else value
