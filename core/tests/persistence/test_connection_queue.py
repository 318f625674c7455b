"""Connections are given in the order in which they were asked for, to whoever may still wait."""

from __future__ import annotations

import asyncio

import pytest

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.database import POOL_SIZE, Database

ROUNDS = 300
"""Each of two greedy ones works, and asks again at once: far more than it takes to let everybody have a turn."""


async def test_who_waits_has_a_turn_before_those_who_come_later(shop_and_books: DatabaseAddress) -> None:
    shop = Database(shop_and_books, "shop", pool_wait_s=60)
    turns: list[str] = []

    async def work(name: str, times: int) -> None:
        for _ in range(times):
            async with shop.reading():
                turns.append(name)
                await asyncio.sleep(0)

    async def hold(enough: asyncio.Event) -> None:
        async with shop.reading():
            await enough.wait()

    enough = asyncio.Event()
    holders = [asyncio.create_task(hold(enough)) for _ in range(POOL_SIZE - 1)]
    greedy = [asyncio.create_task(work(f"greedy {nth}", ROUNDS)) for nth in range(2)]
    patient = asyncio.create_task(work("patient", 1))
    await asyncio.gather(*greedy, patient)
    enough.set()
    await asyncio.gather(*holders)
    await shop.close()

    assert turns.index("patient") <= 3
    assert len(turns) == 2 * ROUNDS + 1


async def test_who_gives_up_waiting_takes_no_turn_along(shop_and_books: DatabaseAddress) -> None:
    shop = Database(shop_and_books, "shop", pool_wait_s=0.05)
    enough = asyncio.Event()

    async def hold() -> None:
        async with shop.reading():
            await enough.wait()

    holders = [asyncio.create_task(hold()) for _ in range(POOL_SIZE)]
    while shop.in_use < POOL_SIZE:  # noqa: ASYNC110 - a pool tells nobody
        await asyncio.sleep(0.01)
    with pytest.raises(UnavailableError) as busy:
        await shop.ping()
    broken_off = asyncio.create_task(shop.ping())
    await asyncio.sleep(0)
    broken_off.cancel()
    enough.set()
    await asyncio.gather(*holders)
    async with asyncio.TaskGroup() as all_at_once:
        for _ in range(POOL_SIZE):
            all_at_once.create_task(shop.ping())

    assert busy.value.code == "database_busy"
    assert broken_off.cancelled()
    assert (shop.in_use, shop.queue.waiting) == (0, 0)
    await shop.close()
