"""Keyset paging: a page begins where the last one ended, so inserts never shift or repeat a row."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, tuple_

from hedgerow_core.application import Page
from hedgerow_core.domain import ValidationError

Item = TypeVar("Item")

BIGINT = range(-(2**63), 2**63)
"""What a PostgreSQL bigint can hold."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column that a list may be sorted by: the column, and how its value is read back from a cursor."""

    column: ColumnElement[Any]
    parse: Callable[[str], Any]

    @staticmethod
    def of_time(column: ColumnElement[Any]) -> SortKey:
        """A timestamp column."""
        return SortKey(column, _time)

    @staticmethod
    def of_integer(column: ColumnElement[Any]) -> SortKey:
        """A whole-number column."""
        return SortKey(column, _integer)

    @staticmethod
    def of_text(column: ColumnElement[Any]) -> SortKey:
        """A text column."""
        return SortKey(column, str)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended. Opaque to callers; only valid for the sort order it was made under."""

    sort: str
    value: str
    id: UUID

    def encode(self) -> str:
        """The text that callers carry around."""
        packed = json.dumps([self.sort, self.value, str(self.id)], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, sort: str) -> Cursor:
        """Read a cursor back.

        Raises:
            ValidationError: not one of ours, or made under another sort order.
        """
        try:
            unpacked = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            made_under, value, id = unpacked
            cursor = cls(str(made_under), str(value), UUID(id))
        except (binascii.Error, UnicodeDecodeError, ValueError, TypeError, AttributeError) as error:
            raise _invalid("is not a cursor that this list gave out") from error
        if cursor.sort != sort:
            raise _invalid(f"was given out for sort={cursor.sort}, not for sort={sort}")
        return cursor


def keyset(
    statement: Select[Any],
    *,
    sort: str,
    keys: Mapping[str, SortKey],
    id_column: ColumnElement[UUID],
    cursor: str | None,
    limit: int,
) -> Select[Any]:
    """Order `statement` by `sort` (`-created_at` descends), start behind `cursor`, fetch one row too many.

    The extra row tells whether there is a next page. The id breaks ties, in the direction of the sort.

    Raises:
        ValidationError: `sort` is not one of `keys`, or the cursor is not valid here.
    """
    descending = sort.startswith("-")
    key = keys.get(sort.removeprefix("-"))
    if key is None:
        known = ", ".join(sorted(keys))
        raise ValidationError(f"sort={sort} is not known here. Use one of {known}, or -{known}.", field="sort")
    column = key.column
    if cursor is not None:
        at = Cursor.decode(cursor, sort=sort)
        try:
            value = key.parse(at.value)
        except (ValueError, OverflowError) as error:
            raise _invalid("is not a cursor that this list gave out") from error
        # A comparison of rows, because PostgreSQL lets an index on (column, id) start right there.
        row, end = tuple_(column, id_column), tuple_(bindparam(None, value, column.type), at.id)
        statement = statement.where(row < end if descending else row > end)
    order = (column.desc(), id_column.desc()) if descending else (column.asc(), id_column.asc())
    return statement.order_by(*order).limit(limit + 1)


def page_of(
    rows: Sequence[Any],
    *,
    limit: int,
    sort: str,
    sorted_by: Callable[[Any], object],
    id_of: Callable[[Any], UUID],
    read: Callable[[Any], Item],
) -> Page[Item]:
    """Cut the page out of what a `keyset` statement returned."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page([read(row) for row in shown], _after(shown[-1], sort, sorted_by, id_of) if more else None)


def _after(row: Any, sort: str, sorted_by: Callable[[Any], object], id_of: Callable[[Any], UUID]) -> str:
    value = sorted_by(row)
    return Cursor(sort, value.isoformat() if isinstance(value, datetime) else str(value), id_of(row)).encode()


def _integer(text: str) -> int:
    value = int(text)
    if value not in BIGINT:
        raise ValueError("beyond what a column can hold")
    return value


def _time(text: str) -> datetime:
    # In UTC, because an offset can push the first and the last day of the calendar out of range.
    return datetime.fromisoformat(text).astimezone(UTC)


def _invalid(why: str) -> ValidationError:
    return ValidationError(f"The cursor {why}. Start again without one.", field="cursor", code="invalid_cursor")
