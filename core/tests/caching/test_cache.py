"""Answers that are remembered: found again, loaded once, and never found again after a change. In both stores."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import redis.asyncio
from pydantic import TypeAdapter

from hedgerow_core.application.cache import Answer, Cached, Clearing, Place
from hedgerow_core.caching import CacheStore, StoredCache, in_process_store, redis_store
from hedgerow_core.caching.cache import LARGEST_BYTES
from hedgerow_core.caching.stores import MOST_ENTRIES
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.testing import RedisServer

PRICES: Cached[int] = Cached(name="prices", form=TypeAdapter(int), keep=timedelta(minutes=1))
TEXTS: Cached[str] = Cached(name="texts", form=TypeAdapter(str), keep=timedelta(minutes=1))
PLUM = ("prices", "plum")


class Shop:
    """What the cache is in front of: a price that may change, a load that may be slow; and how often it loaded."""

    def __init__(self) -> None:
        self.price = 1
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def read(self) -> int:
        self.asked += 1
        price = self.price  # what is committed as the load begins
        await self.may_answer.wait()
        return price

    async def change(self, cache: StoredCache, price: int) -> None:
        await cache.hold([PLUM])
        self.price = price
        await cache.release([PLUM])


@pytest.fixture(params=["in process", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[CacheStore]:
    if request.param == "redis":
        store = redis_store(request.getfixturevalue("redis_url"), namespace=uuid4().hex)
    else:
        store = in_process_store()
    yield store
    await store.close()


@pytest.fixture
def cache(store: CacheStore) -> StoredCache:
    return StoredCache(store, "shop")


@pytest.fixture
async def shop() -> Shop:
    return Shop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - many things are waited for
            await asyncio.sleep(0.001)


async def overtaken(cache: StoredCache, shop: Shop) -> int:
    """A load is under way while the price changes from 1 to 2; what is found after that."""
    shop.may_answer.clear()
    slow = asyncio.create_task(cache.remembered(PRICES, "plum", shop.read))
    await until(lambda: shop.asked == 1)
    await shop.change(cache, 2)
    shop.may_answer.set()
    assert await slow == 1
    return await cache.remembered(PRICES, "plum", shop.read)


async def died_after_commit(cache: StoredCache, shop: Shop) -> int:
    """Somebody changes the price, and dies before the cache is told; what is found after that."""
    await cache.remembered(PRICES, "plum", shop.read)
    await cache.hold([PLUM])
    await cache.remembered(PRICES, "plum", shop.read)  # in the midst of it
    shop.price = 2
    return await cache.remembered(PRICES, "plum", shop.read)


async def test_an_answer_is_found_again(cache: StoredCache, shop: Shop) -> None:
    found = [await cache.remembered(PRICES, "plum", shop.read) for _ in range(3)]

    assert (found, shop.asked) == ([1, 1, 1], 1)


async def test_each_key_and_each_context_has_answers_of_its_own(
    store: CacheStore, cache: StoredCache, shop: Shop
) -> None:
    await cache.remembered(PRICES, "plum", shop.read)
    shop.price = 2

    assert await cache.remembered(PRICES, "pear", shop.read) == 2
    assert await StoredCache(store, "stall").remembered(PRICES, "plum", shop.read) == 2


async def test_of_many_who_ask_at_once_one_loads(cache: StoredCache, shop: Shop) -> None:
    shop.may_answer.clear()
    joined = outcome("joined")
    asking = [asyncio.create_task(cache.remembered(PRICES, "plum", shop.read)) for _ in range(50)]
    await until(lambda: outcome("joined") == joined + 49)
    shop.may_answer.set()
    found = await asyncio.gather(*asking)

    assert (found, shop.asked) == ([1] * 50, 1)


async def test_who_goes_away_does_not_take_the_answer_along(cache: StoredCache, shop: Shop) -> None:
    async def pears() -> int:
        return 3

    shop.may_answer.clear()
    hasty = asyncio.create_task(cache.remembered(PRICES, "plum", shop.read))
    patient = asyncio.create_task(cache.remembered(PRICES, "plum", shop.read))
    await until(lambda: shop.asked == 1)
    for _ in range(3):  # by then the patient one has looked, found nothing, and waits
        await cache.remembered(PRICES, "pear", pears)
    hasty.cancel()
    shop.may_answer.set()

    assert (await patient, shop.asked) == (1, 1)


async def test_a_failure_is_not_remembered(cache: StoredCache, shop: Shop) -> None:
    async def fail() -> int:
        raise LookupError("nobody has a price")

    with pytest.raises(LookupError):
        await cache.remembered(PRICES, "plum", fail)

    assert await cache.remembered(PRICES, "plum", shop.read) == 1


async def test_after_a_change_the_old_answer_is_not_found(cache: StoredCache, shop: Shop) -> None:
    await cache.remembered(PRICES, "plum", shop.read)
    await shop.change(cache, 2)

    assert [await cache.remembered(PRICES, "plum", shop.read) for _ in range(2)] == [2, 2]
    assert shop.asked == 2


async def test_what_a_change_has_overtaken_is_not_stored(cache: StoredCache, shop: Shop) -> None:
    assert await overtaken(cache, shop) == 2


async def test_who_asks_after_a_change_does_not_wait_for_a_load_from_before(cache: StoredCache, shop: Shop) -> None:
    shop.may_answer.clear()
    early = asyncio.create_task(cache.remembered(PRICES, "plum", shop.read))
    await until(lambda: shop.asked == 1)
    await shop.change(cache, 2)
    late = asyncio.create_task(cache.remembered(PRICES, "plum", shop.read))
    await until(lambda: shop.asked == 2)
    shop.may_answer.set()

    assert (await early, await late) == (1, 2)


async def test_who_dies_between_commit_and_clearing_leaves_nothing_old_behind(
    cache: StoredCache, shop: Shop
) -> None:
    assert await died_after_commit(cache, shop) == 2


class WithoutGenerations(StoredCache):
    """A mutant that stores an answer as belonging to whatever generation is in force when it is stored."""

    async def _load(
        self, cached: Cached[Answer], answer_key: str, generation: bytes, load: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        answer = await load()
        now = await self._begun(f"{answer_key}:generation", 60)
        await self._store.put(answer_key, now + cached.form.dump_json(answer), keep_s=60)
        return answer


class WithoutHolds(StoredCache):
    """A mutant that clears after the commit, and does nothing before."""

    async def hold(self, places: Collection[Place], /) -> None:
        pass


async def test_without_generations_an_overtaken_answer_would_be_found(store: CacheStore, shop: Shop) -> None:
    assert await overtaken(WithoutGenerations(store, "shop"), shop) == 1


async def test_without_holds_a_death_would_leave_an_old_answer(store: CacheStore, shop: Shop) -> None:
    assert await died_after_commit(WithoutHolds(store, "shop"), shop) == 1


async def test_what_an_older_release_has_written_in_another_form_is_loaded_anew(
    cache: StoredCache, shop: Shop
) -> None:
    async def read() -> str:
        return "a plum"

    older: Cached[str] = Cached(name="prices", form=TypeAdapter(str), keep=timedelta(minutes=1))
    await cache.remembered(older, "plum", read)

    assert [await cache.remembered(PRICES, "plum", shop.read) for _ in range(2)] == [1, 1]
    assert shop.asked == 1


async def test_what_is_too_large_is_loaded_every_time(cache: StoredCache) -> None:
    asked = 0

    async def read() -> str:
        nonlocal asked
        asked += 1
        return "x" * LARGEST_BYTES

    for _ in range(2):
        await cache.remembered(TEXTS, "epic", read)
    assert asked == 2


async def test_the_store_of_a_process_is_bounded() -> None:
    store = in_process_store()
    for number in range(MOST_ENTRIES + 10):
        await store.put(str(number), b"x", keep_s=60)

    assert (await store.get("9"), await store.get("10")) == (None, b"x")


async def test_while_redis_is_away_everybody_loads_and_afterwards_it_is_used_again(
    redis_server: RedisServer, shop: Shop
) -> None:
    store = redis_store(redis_server.url, namespace="test", ask_again_after_s=0.05)
    cache = StoredCache(store, "shop")
    await cache.remembered(PRICES, "plum", shop.read)
    redis_server.stop()
    try:
        assert [await cache.remembered(PRICES, "plum", shop.read) for _ in range(3)] == [1, 1, 1]
        assert shop.asked == 4
        before = uncleared()
        await shop.change(cache, 2)
        assert uncleared() == before + 1
        redis_server.start()
        hits = outcome("hit")
        while outcome("hit") == hits:
            assert await cache.remembered(PRICES, "plum", shop.read) == 2
            await asyncio.sleep(0.02)
    finally:
        await store.close()


async def test_nothing_out_of_redis_is_unpickled(redis_url: str, shop: Shop, tmp_path: Path) -> None:
    proof = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(proof),)

    store = redis_store(redis_url, namespace=uuid4().hex)
    cache = StoredCache(store, "shop")
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        for name in (store.key("shop", *PLUM), store.key("shop", *PLUM, "generation")):
            await client.set(name, pickle.dumps(Evil()))

    assert await cache.remembered(PRICES, "plum", shop.read) == 1
    assert not proof.exists()
    await store.close()
    pickle.loads(pickle.dumps(Evil()))
    assert proof.exists()


def test_two_kinds_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two cached answers are named prices"):
        Clearing(StoredCache(in_process_store(), "shop"), (PRICES, PRICES))


def outcome(name: str) -> float:
    found = {"context": "shop", "cache": "prices", "outcome": name}
    return REGISTRY.get_sample_value("hedgerow_cache_reads_total", found) or 0


def uncleared() -> float:
    return REGISTRY.get_sample_value("hedgerow_cache_uncleared_total", {"context": "shop", "cache": "prices"}) or 0
