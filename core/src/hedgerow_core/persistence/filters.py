"""Turns filters into conditions on the columns that a reader allows. Values travel as parameters, never as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, or_

from hedgerow_core.application import Filter, Filters, Operator
from hedgerow_core.domain import ValidationError

_CONDITIONS: Mapping[Operator, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    Operator.EQ: lambda column, value: column == value,
    Operator.NE: lambda column, value: column.is_distinct_from(value),
    Operator.GT: lambda column, value: column > value,
    Operator.GTE: lambda column, value: column >= value,
    Operator.LT: lambda column, value: column < value,
    Operator.LTE: lambda column, value: column <= value,
    Operator.IN: lambda column, values: column.in_(values),
    Operator.NOT_IN: lambda column, values: or_(column.not_in(values), column.is_(None)),
    # `%` and `_` of the caller are letters.
    Operator.LIKE: lambda column, text: column.contains(text, autoescape=True),
    Operator.ILIKE: lambda column, text: column.icontains(text, autoescape=True),
    Operator.IS_NULL: lambda column, missing: column.is_(None) if missing else column.is_not(None),
}


def narrowed(statement: Select[Any], filters: Filters, columns: Mapping[str, ColumnElement[Any]]) -> Select[Any]:
    """The statement with every filter's condition; `columns` are those that may be filtered, by field.

    Raises:
        ValidationError: a field is none of them.
    """
    for filter in filters:
        statement = statement.where(_condition(filter, columns))
    return statement


def _condition(filter: Filter, columns: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    column = columns.get(filter.field)
    if column is None:
        raise ValidationError(
            f"{filter.field} can't be filtered by. Use one of {', '.join(sorted(columns))}.",
            field=filter.field,
            code="invalid_filter",
        )
    return _CONDITIONS[filter.operator](column, filter.value)
