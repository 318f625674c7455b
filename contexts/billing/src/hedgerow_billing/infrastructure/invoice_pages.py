"""Pages of invoices: by what they are filtered and sorted, in whichever form their rows are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row

from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.infrastructure.tables import invoices
from hedgerow_core.application import Filter, Filters, Operator, Page, RowScope
from hedgerow_core.persistence import (
    Database,
    Scoped,
    SortKey,
    keyset,
    narrowed,
    page_of,
    parameters_of,
    sort_names,
)

View = TypeVar("View")

_NUMBER = "number"
_SORT_KEYS: Mapping[str, SortKey] = {
    "created_at": SortKey.of_time(invoices.c.created_at),
    "total": SortKey.of_integer(invoices.c.total),
}
_FILTERED = (
    "series",
    "place",
    "customer_id",
    "status",
    "currency",
    "total",
    "created_at",
    "opened_at",
    "due_on",
    "overdue_at",
    "paid_at",
)
_FILTERABLE: Mapping[str, ColumnElement[Any]] = {name: invoices.c[name] for name in _FILTERED}
"""By column. `series` and `place` are asked for by the number that they make, and nothing else."""


async def page_of_invoices(
    database: Database,
    statement: Scoped,
    rows: RowScope,
    read: Callable[[Row[Any]], View],
    *,
    filters: Filters,
    sort: str,
    cursor: str | None,
    limit: int,
) -> Page[View]:
    """Read a page of what the statement selects, within the caller's reach.

    Raises:
        ValidationError: unknown filter or sort key, or a cursor that is not valid for it.
    """
    wanted = keyset(
        narrowed(statement.within(rows), _by_column(filters), _FILTERABLE),
        sort=sort,
        keys=_SORT_KEYS,
        id_column=invoices.c.id,
        cursor=cursor,
        limit=limit,
    )
    found = await database.view(wanted, parameters_of(rows))
    return page_of(
        found,
        limit=limit,
        sort=sort,
        sorted_by=lambda row: tuple(getattr(row, name) for name in sort_names(sort)),
        id_of=lambda row: row.id,
        read=read,
    )


def _by_column(filters: Filters) -> Filters:
    """The filters with a number taken apart into what it is made of. Index: uq_invoices_number."""
    return tuple(part for filter in filters for part in _parts(filter))


def _parts(filter: Filter) -> Iterable[Filter]:
    if filter.field != _NUMBER:
        return (filter,)
    number = DocumentNumber.parse(str(filter.value))
    return (Filter("series", Operator.EQ, number.series), Filter("place", Operator.EQ, number.place))
