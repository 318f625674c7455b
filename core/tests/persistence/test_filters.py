"""Filters become conditions: on allowed columns alone, with the caller's wildcards as letters."""

from __future__ import annotations

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, insert, select, text

from hedgerow_core.application import Filter, Filters, Operator
from hedgerow_core.domain import ValidationError
from hedgerow_core.persistence import Database, narrowed

things = Table("things", MetaData(), Column("name", Text), Column("size", BigInteger), Column("secret", Text))
COLUMNS = {"name": things.c.name, "size": things.c.size}
ROWS = [("hawthorn", 1), ("Haw_thorn", 2), ("50% off", 3), ("50/50", 4), ("back\\slash", 5), ("nothing", None)]


@pytest.fixture
async def shelf(shop: Database) -> Database:
    async with shop.transaction() as connection:
        await connection.execute(text("CREATE TEMPORARY TABLE things (name text, size bigint, secret text)"))
        await connection.execute(insert(things), [{"name": name, "size": size} for name, size in ROWS])
    return shop  # the pool hands out the same connection again, and with it the temporary table


async def found(shelf: Database, *filters: Filter) -> set[str]:
    async with shelf.reading() as connection:
        rows = await connection.execute(narrowed(select(things.c.name), filters, COLUMNS))
        return set(rows.scalars())


def names(*positions: int) -> set[str]:
    return {ROWS[position][0] for position in positions}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), names(0, 1, 2, 3, 4, 5)),
        ((Filter("size", Operator.EQ, 2),), names(1)),
        ((Filter("size", Operator.NE, 2),), names(0, 2, 3, 4, 5)),
        ((Filter("size", Operator.GT, 2), Filter("size", Operator.LTE, 4)), names(2, 3)),
        ((Filter("size", Operator.GTE, 2), Filter("size", Operator.LT, 4)), names(1, 2)),
        ((Filter("size", Operator.IN, (1, 5, 9)),), names(0, 4)),
        ((Filter("size", Operator.NOT_IN, (1, 5, 9)),), names(1, 2, 3, 5)),
        ((Filter("size", Operator.IS_NULL, True),), names(5)),
        ((Filter("size", Operator.IS_NULL, False),), names(0, 1, 2, 3, 4)),
        ((Filter("name", Operator.LIKE, "thorn"),), names(0, 1)),
        ((Filter("name", Operator.LIKE, "haw"),), names(0)),
        ((Filter("name", Operator.ILIKE, "HAW"),), names(0, 1)),
        ((Filter("name", Operator.LIKE, "%"),), names(2)),
        ((Filter("name", Operator.ILIKE, "_"),), names(1)),
        ((Filter("name", Operator.LIKE, "/"),), names(3)),
        ((Filter("name", Operator.LIKE, "\\"),), names(4)),
        ((Filter("name", Operator.EQ, "'; DROP TABLE things; --"),), set()),
    ],
)
async def test_each_operator_means_what_it_says(shelf: Database, filters: Filters, expected: set[str]) -> None:
    assert await found(shelf, *filters) == expected


@pytest.mark.parametrize("field", ["secret", "things", "name; --"])
async def test_a_column_that_is_not_allowed_is_refused(shelf: Database, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        await found(shelf, Filter(field, Operator.EQ, "x"))

    assert refused.value.field == field
