"""However a list is sorted, whatever is inserted meanwhile: each row that was there is shown once, in its order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, Uuid, insert, select, text

from hedgerow_core.domain import ValidationError
from hedgerow_core.persistence import Database, SortKey, keyset, page_of, sort_names

things = Table(
    "things",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("size", BigInteger),
    Column("made_at", DateTime(timezone=True)),
    Column("name", Text),
)
KEYS = {
    "size": SortKey.of_integer(things.c.size),
    "made_at": SortKey.of_time(things.c.made_at),
    "name": SortKey.of_text(things.c.name),
}
START = datetime(2026, 1, 1, tzinfo=UTC)
Thing = dict[str, Any]

# Few values, so that keys tie; letters whose order depends on the collation.
THINGS = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "size": st.integers(-2, 2),
        "made_at": st.integers(0, 3).map(lambda n: START + timedelta(minutes=n, microseconds=n)),
        "name": st.sampled_from(["a", "B", "b", "é", "", "a b", "-"]),
    }
)
SORTS = st.permutations(sorted(KEYS)).flatmap(
    lambda names: st.tuples(*(st.sampled_from([name, f"-{name}"]) for name in names)).flatmap(
        lambda keys: st.integers(1, len(keys)).map(lambda count: ",".join(keys[:count]))
    )
)


@pytest.fixture
async def shelf(shop: Database) -> Database:
    async with shop.transaction() as connection:
        await connection.execute(
            text("CREATE TEMPORARY TABLE things (id uuid PRIMARY KEY, size bigint, made_at timestamptz, name text)")
        )
    return shop  # the pool hands out the same connection again, and with it the temporary table


async def put(shelf: Database, rows: Sequence[Thing]) -> None:
    if rows:
        async with shelf.transaction() as connection:
            await connection.execute(insert(things), list(rows))


async def page(shelf: Database, sort: str, cursor: str | None, limit: int) -> tuple[list[UUID], str | None]:
    statement = keyset(select(things), sort=sort, keys=KEYS, id_column=things.c.id, cursor=cursor, limit=limit)
    async with shelf.reading() as connection:
        rows = (await connection.execute(statement)).all()
    found = page_of(
        rows,
        limit=limit,
        sort=sort,
        sorted_by=lambda row: tuple(getattr(row, name) for name in sort_names(sort)),
        id_of=lambda row: row.id,
        read=lambda row: row.id,
    )
    return list(found.items), found.next


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    there=st.lists(THINGS, max_size=14, unique_by=lambda thing: thing["id"]),
    later=st.lists(st.lists(THINGS, max_size=4, unique_by=lambda thing: thing["id"]), max_size=8),
    sort=SORTS,
    limit=st.integers(1, 5),
)
async def test_every_row_that_was_there_is_shown_once_and_in_its_order(
    shelf: Database, there: list[Thing], later: list[list[Thing]], sort: str, limit: int
) -> None:
    async with shelf.transaction() as connection:
        await connection.execute(text("TRUNCATE things"))
    await put(shelf, there)
    whole, _ = await page(shelf, sort, None, limit=1000)
    known = set(whole)
    seen: list[UUID] = []
    cursor, meanwhile = None, iter(later)
    while True:
        items, cursor = await page(shelf, sort, cursor, limit)
        seen += items
        if cursor is None:
            break
        assert len(items) == limit
        new = [thing for thing in next(meanwhile, []) if thing["id"] not in known]
        known |= {thing["id"] for thing in new}
        await put(shelf, new)

    assert len(seen) == len(set(seen))
    assert [id for id in seen if id in set(whole)] == whole


async def test_the_check_goes_red_where_pages_are_counted_off_instead(shelf: Database) -> None:
    """The twin: with OFFSET, a row inserted in front shows another one twice."""
    rows = [{"id": UUID(int=n), "size": n, "made_at": START, "name": ""} for n in range(4)]
    await put(shelf, rows[1:])
    by_size = select(things.c.id).order_by(things.c.size).limit(2)
    async with shelf.reading() as connection:
        first = list((await connection.execute(by_size)).scalars())
    await put(shelf, rows[:1])
    async with shelf.reading() as connection:
        second = list((await connection.execute(by_size.offset(2))).scalars())

    assert set(first) & set(second)


async def test_a_list_sorted_in_one_direction_starts_in_an_index(shelf: Database) -> None:
    statement = keyset(
        select(things), sort="-made_at,-size", keys=KEYS, id_column=things.c.id, cursor=None, limit=1
    )
    assert "ORDER BY things.made_at DESC, things.size DESC, things.id DESC" in str(statement)
    await put(shelf, [{"id": UUID(int=n), "size": n, "made_at": START, "name": ""} for n in range(3)])
    _, cursor = await page(shelf, "-made_at,-size", None, 1)
    following = keyset(
        select(things), sort="-made_at,-size", keys=KEYS, id_column=things.c.id, cursor=cursor, limit=1
    )
    assert "(things.made_at, things.size, things.id) < (" in str(following)


@pytest.mark.parametrize(
    "sort", ["", ",", "size,", "size,size", "size,-size", "--size", "colour", "id", "size, name"]
)
async def test_an_order_that_means_nothing_is_refused_by_name(shelf: Database, sort: str) -> None:
    with pytest.raises(ValidationError) as refused:
        await page(shelf, sort, None, 1)

    assert refused.value.field == "sort"


async def test_a_cursor_holds_for_its_own_order_only(shelf: Database) -> None:
    await put(shelf, [{"id": UUID(int=n), "size": n, "made_at": START, "name": "x"} for n in range(3)])
    _, cursor = await page(shelf, "size,name", None, 1)
    assert cursor is not None
    for sort in ("size", "name,size", "size,-name"):
        with pytest.raises(ValidationError) as refused:
            await page(shelf, sort, cursor, 1)
        assert refused.value.code == "invalid_cursor"
