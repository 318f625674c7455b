"""Hashing: right, uniform in its work, bounded, and off the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from hedgerow_core.domain import Secret
from hedgerow_users.application.password_ports import HashingBusy
from hedgerow_users.domain.password import Password
from hedgerow_users.infrastructure.argon2_hasher import THREADS, Argon2Hasher

PASSWORD = Password.chosen(Secret("correct horse"))


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    hasher = Argon2Hasher(queue=1)
    yield hasher
    hasher.close()


async def test_only_the_hashed_password_matches(hasher: Argon2Hasher) -> None:
    known = await hasher.hash(PASSWORD)
    assert await hasher.matches(PASSWORD, known)
    assert not await hasher.matches(Password.presented(Secret("wrong horse")), known)


async def test_one_password_has_many_hashes(hasher: Argon2Hasher) -> None:
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


async def test_nothing_known_means_no_match_for_the_same_work(hasher: Argon2Hasher) -> None:
    known = await hasher.hash(PASSWORD)
    wrong = Password.presented(Secret("wrong horse"))
    best = {"known": float("inf"), "unknown": float("inf")}
    for _ in range(6):  # processor time, in turns: what slows the machine down slows down both, or neither
        for name, hash in (("known", known), ("unknown", None)):
            started = time.process_time()
            assert not await hasher.matches(wrong, hash)
            best[name] = min(best[name], time.process_time() - started)
    assert 0.5 < best["known"] / best["unknown"] < 2


async def test_a_full_queue_refuses_and_recovers(hasher: Argon2Hasher) -> None:
    outcomes = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(THREADS + 2)), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, HashingBusy)]
    assert len(refused) == 1
    assert refused[0].retry_after.total_seconds() >= 1
    await hasher.hash(PASSWORD)


async def test_who_asks_whether_there_is_room_takes_none(hasher: Argon2Hasher) -> None:
    for _ in range(THREADS + 2):
        hasher.demand_room()
    waiting = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(THREADS + 1)]
    await asyncio.sleep(0)
    with pytest.raises(HashingBusy):
        hasher.demand_room()
    await asyncio.gather(*waiting)
    hasher.demand_room()


async def test_callers_who_went_away_give_their_places_back(hasher: Argon2Hasher) -> None:
    gone = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(THREADS + 1)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    async with asyncio.timeout(10):
        while not await all_places_are_free(hasher):
            pass


async def all_places_are_free(hasher: Argon2Hasher) -> bool:
    outcomes = await asyncio.gather(*(hasher.hash(PASSWORD) for _ in range(THREADS + 1)), return_exceptions=True)
    return not any(isinstance(outcome, HashingBusy) for outcome in outcomes)


async def test_the_event_loop_goes_on_meanwhile(hasher: Argon2Hasher) -> None:
    hashing = asyncio.create_task(hasher.hash(PASSWORD))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
