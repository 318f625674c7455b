"""Pages follow each other without gap or repetition, and a cursor is only what we gave out."""

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, Uuid, insert, select, text

from hedgerow_core.domain import ValidationError, new_id
from hedgerow_core.persistence import Cursor, Database, SortKey, keyset, page_of
from hedgerow_core.persistence.paging import BIGINT

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


@pytest.fixture
async def shelf(shop: Database) -> Database:
    """Seven things of three sizes."""
    async with shop.transaction() as connection:
        await connection.execute(
            text("CREATE TEMPORARY TABLE things (id uuid, size bigint, made_at timestamptz, name text)")
        )
        rows = [{"id": new_id(), "size": n % 3, "made_at": START + timedelta(hours=n)} for n in range(7)]
        await connection.execute(insert(things), rows)
    return shop  # the pool hands out the same connection again, and with it the temporary table


async def page(shelf: Database, sort: str, cursor: str | None, limit: int = 3) -> tuple[list[int], str | None]:
    statement = keyset(select(things), sort=sort, keys=KEYS, id_column=things.c.id, cursor=cursor, limit=limit)
    column = sort.removeprefix("-")
    async with shelf.reading() as connection:
        rows = (await connection.execute(statement)).all()
    found = page_of(
        rows,
        limit=limit,
        sort=sort,
        sorted_by=lambda row: getattr(row, column),
        id_of=lambda row: row.id,
        read=lambda row: row.size,
    )
    return list(found.items), found.next


@pytest.mark.parametrize("sort", ["size", "-size", "made_at", "-made_at"])
async def test_pages_hold_every_row_once_also_where_the_sort_key_repeats(shelf: Database, sort: str) -> None:
    seen: list[int] = []
    cursor = None
    for _ in range(3):
        items, cursor = await page(shelf, sort, cursor)
        seen += items

    assert cursor is None
    assert sorted(seen) == [0, 0, 0, 1, 1, 2, 2]
    if "size" in sort:
        assert seen == sorted(seen, reverse=sort.startswith("-"))


ODD = ("\x00", "\ud800", "a\ud83dz", None, [], {}, 1e400)
"""What JSON can say and PostgreSQL can't hold, or is no text."""


def packed(parts: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def forged(sort: str, value: str) -> str:
    return Cursor(sort, (value,), UUID(int=0)).encode()


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("size", "!"),
        ("size", "é"),
        ("size", base64.urlsafe_b64encode(json.dumps({"a": 1}).encode()).decode()),
        ("size", forged("size", "many")),
        ("size", forged("size", str(BIGINT.stop))),
        ("size", forged("made_at", "1")),
        ("made_at", forged("made_at", "yesterday")),
        ("made_at", forged("made_at", "0001-01-01T00:00:00+14:00")),
        ("colour", forged("colour", "red")),
        *((sort, packed([sort, value, str(UUID(int=0))])) for sort in ("name", "size", "made_at") for value in ODD),
        *(("name", packed([value, "x", str(UUID(int=0))])) for value in ODD),
        *(("name", packed(["name", "x", value])) for value in ODD),
        ("name", base64.urlsafe_b64encode(b"[" * 1500).decode()),
    ],
)
async def test_what_we_did_not_give_out_is_refused_by_name(shelf: Database, sort: str, cursor: str) -> None:
    with pytest.raises(ValidationError) as refused:
        await page(shelf, sort, cursor)

    assert refused.value.field in ("cursor", "sort")
    refused.value.message.encode()  # what it quotes can be sent
