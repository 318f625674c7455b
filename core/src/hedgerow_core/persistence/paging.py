"""Keyset paging: a page begins where the last one ended, so inserts never shift or repeat a row.

A list is sorted by one key or several (`-created_at,name`); the id breaks ties, so that every row has one place.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, tuple_

from hedgerow_core.application import Page
from hedgerow_core.domain import ValidationError

Item = TypeVar("Item")

BIGINT = range(-(2**63), 2**63)
"""What a PostgreSQL bigint can hold."""


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column that a list may be sorted by: the column, and how its value is read back from a cursor.

    The column is never null: a null has no place behind which a page could begin.
    """

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
        return SortKey(column, _text)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended. Opaque to callers; only valid for the sort order it was made under."""

    sort: str
    values: tuple[str, ...]
    """One a sort key."""
    id: UUID

    def encode(self) -> str:
        """The text that callers carry around."""
        packed = json.dumps([self.sort, *self.values, str(self.id)], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, *, sort: str) -> Cursor:
        """Read a cursor back.

        Raises:
            ValidationError: not one of ours, or made under another sort order.
        """
        try:
            unpacked = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            made_under, *values, id = map(_demand_text, unpacked)
            cursor = cls(made_under, tuple(values), UUID(id))
        except (binascii.Error, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise _invalid("is not a cursor that this list gave out") from error
        if cursor.sort != sort:
            raise _invalid(f"was not given out for sort={sort}")
        return cursor


@dataclass(frozen=True, slots=True)
class _Rank:
    """One column of an order, and its direction."""

    column: ColumnElement[Any]
    descends: bool

    @property
    def order(self) -> ColumnElement[Any]:
        return self.column.desc() if self.descends else self.column.asc()

    def behind(self, value: Any) -> ColumnElement[bool]:
        further: ColumnElement[bool] = self.column < value if self.descends else self.column > value
        return further


def keyset(
    statement: Select[Any],
    *,
    sort: str,
    keys: Mapping[str, SortKey],
    id_column: ColumnElement[UUID],
    cursor: str | None,
    limit: int,
) -> Select[Any]:
    """Order `statement` by `sort` (`-created_at,name`), start behind `cursor`, fetch one row too many.

    The extra row tells whether there is a next page. The id breaks ties, in the direction of the last key.

    Raises:
        ValidationError: `sort` names what is not one of `keys`, or one twice; or the cursor is not valid here.
    """
    sorted_by = _sort_keys(sort, keys)
    ranks = [_Rank(key.column, descends) for key, descends in sorted_by]
    ranks.append(_Rank(id_column, ranks[-1].descends))
    if cursor is not None:
        at = Cursor.decode(cursor, sort=sort)
        try:
            values = [key.parse(value) for (key, _), value in zip(sorted_by, at.values, strict=True)]
        except (ValueError, OverflowError) as error:
            raise _invalid("is not a cursor that this list gave out") from error
        bound = [bindparam(None, value, rank.column.type) for rank, value in zip(ranks, values, strict=False)]
        statement = statement.where(_behind(ranks, [*bound, at.id]))
    return statement.order_by(*(rank.order for rank in ranks)).limit(limit + 1)


def _sort_keys(sort: str, keys: Mapping[str, SortKey]) -> list[tuple[SortKey, bool]]:
    named = [(part.removeprefix("-"), part.startswith("-")) for part in sort.split(",")]
    for name, _ in named:
        if name not in keys:
            known = ", ".join(sorted(keys))
            raise ValidationError(
                f"sort={name} is not known here. Use {known}; a leading - descends, commas go between.",
                field="sort",
            )
    if len({name for name, _ in named}) < len(named):
        raise ValidationError(f"sort={sort} names a key twice. Name it once.", field="sort")
    return [(keys[name], descends) for name, descends in named]


def _behind(ranks: Sequence[_Rank], end: Sequence[Any]) -> ColumnElement[bool]:
    """Rows that come after the one with these values."""
    if len({rank.descends for rank in ranks}) == 1:
        # A comparison of rows, because PostgreSQL lets an index on (column, id) start right there.
        row, last = tuple_(*(rank.column for rank in ranks)), tuple_(*end)
        return row < last if ranks[0].descends else row > last
    tied = [
        and_(
            *(rank.column == value for rank, value in zip(ranks[:place], end[:place], strict=True)),
            rank.behind(value),
        )
        for place, (rank, value) in enumerate(zip(ranks, end, strict=True))
    ]
    return or_(*tied)


def page_of(
    rows: Sequence[Any],
    *,
    limit: int,
    sort: str,
    sorted_by: Callable[[Any], object],
    id_of: Callable[[Any], UUID],
    read: Callable[[Any], Item],
) -> Page[Item]:
    """Cut the page out of what a `keyset` statement returned.

    `sorted_by` gives a row's value of the sort key; of several keys, their values as a tuple, in order.
    """
    shown = rows[:limit]
    more = len(rows) > limit
    return Page([read(row) for row in shown], _after(shown[-1], sort, sorted_by, id_of) if more else None)


def _after(row: Any, sort: str, sorted_by: Callable[[Any], object], id_of: Callable[[Any], UUID]) -> str:
    found = sorted_by(row)
    values = found if isinstance(found, tuple) else (found,)
    return Cursor(sort, tuple(map(_written, values)), id_of(row)).encode()


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def sort_names(sort: str) -> tuple[str, ...]:
    """The names in a sort order, without their directions."""
    return tuple(part.removeprefix("-") for part in sort.split(","))


def _demand_text(part: object) -> str:
    if not isinstance(part, str):
        raise TypeError("all parts of a cursor are text")
    return part


def _integer(text: str) -> int:
    value = int(text)
    if value not in BIGINT:
        raise ValueError("beyond what a column can hold")
    return value


def _text(text: str) -> str:
    text.encode()
    if "\x00" in text:
        raise ValueError("PostgreSQL holds no NUL in a text")
    return text


def _time(text: str) -> datetime:
    # In UTC, because an offset can push the first and the last day of the calendar out of range.
    return datetime.fromisoformat(text).astimezone(UTC)


def _invalid(why: str) -> ValidationError:
    return ValidationError(f"The cursor {why}. Start again without one.", field="cursor", code="invalid_cursor")
