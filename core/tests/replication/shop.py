"""A shop with one price, on a primary and a replica that can be told to fall behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Column, Integer, MetaData, Table, select, text

from hedgerow_core.persistence import Database, DatabaseAddress, Isolation
from hedgerow_core.replication import Replica

SOON_S = 10.0
_PRICE = select(Table("prices", MetaData(), Column("price", Integer)))


@asynccontextmanager
async def shop_on(primary: DatabaseAddress, replica: Replica) -> AsyncIterator[Database]:
    database = Database(primary, "shop", isolation=Isolation.SCHEMA, replica=replica)
    try:
        yield database
    finally:
        await database.close()


async def set_price(shop: Database, price: int) -> None:
    async with shop.transaction() as connection:
        await connection.execute(text("UPDATE prices SET price = :price"), {"price": price})


async def price_in(shop: Database) -> int:
    (row,) = await shop.view(_PRICE)
    price: int = row.price
    return price


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - many things are waited for
            await asyncio.sleep(0.01)
