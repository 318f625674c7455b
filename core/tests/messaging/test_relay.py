"""How a relay pages through what is new."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from core.tests.messaging.shop_and_books import Order, OrderPlaced, note, shop_work, states, subscription
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import Relay, relay, unit_of_work
from hedgerow_core.persistence import Database

PAGE = 100
SOON_S = 0.3


async def placed_together(shop: Database, count: int) -> None:
    order = Order(new_id())
    async with unit_of_work(shop, shop_work, lambda: None) as work:
        for number in range(count):
            order.record(OrderPlaced(number=number))
        work.saved(order, version=1)


async def test_a_page_that_takes_too_long_is_tried_in_halves(
    shop: Database, books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "PAGE", PAGE)
    carrying = Relay(books, "shop", [subscription(note)], holder="test")
    await carrying.open()
    await placed_together(shop, PAGE)
    async with books.transaction() as somebody_else:
        await somebody_else.execute(text("LOCK TABLE deliveries"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SOON_S):
                await carrying.step()

    assert await carrying.step()
    assert await states(books) == {"pending": PAGE // 2}

    while await carrying.step():
        pass
    assert await states(books) == {"pending": PAGE}

    await placed_together(shop, PAGE)
    assert await carrying.step(), "a whole page is there at once again, and what is behind it is not known"
    assert await states(books) == {"pending": 2 * PAGE}
