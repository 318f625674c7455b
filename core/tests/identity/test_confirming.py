"""How often another host is asked whom a key speaks for: once for many requests, and little by strangers."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.tests.identity.estate import PREFIX, Garden, Lane, Watch, somebody
from hedgerow_core.domain import RateLimitError, UnavailableError
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.identity import RemoteIdentity, confirming
from hedgerow_core.identity.confirming import (
    CONFIRMED_FOR_S,
    FIRST_LOOKS,
    MOST_STRANGERS_AT_ONCE,
    REFUSED_FOR_S,
    WAITS_S,
)
from hedgerow_core.security import BELIEVED_FOR_S, IdentityUnknown, KeyAuthority
from hedgerow_core.wire import PeerAway

HERE, THERE = "192.0.2.1", "198.51.100.1"
KEY = f"{PREFIX}good"
READER = somebody(scopes=frozenset({"shop:read"}))


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def garden(watch: Watch) -> Garden:
    garden = Garden(watch)
    garden.people[KEY] = READER
    return garden


@pytest.fixture
def lane(garden: Garden) -> Lane:
    return Lane(garden.voucher())


@pytest.fixture
async def keys(lane: Lane, watch: Watch) -> KeyAuthority:
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    await identity.hear()
    (authority,) = identity.key_authorities
    return authority


def recalled(keys: KeyAuthority, key: str = KEY) -> object:
    assert keys.recall is not None
    return keys.recall(key)


async def test_however_many_come_with_a_key_its_home_is_asked_once_in_a_third_of_a_second(
    keys: KeyAuthority, garden: Garden, watch: Watch
) -> None:
    found = await asyncio.gather(*(keys.find(KEY, HERE) for _ in range(50)))
    await keys.find(KEY, HERE)
    assert (set(found), garden.asked[KEY]) == ({READER}, 1)

    watch.ahead += CONFIRMED_FOR_S + 0.01
    await keys.find(KEY, HERE)
    assert garden.asked[KEY] == 2


async def test_a_key_that_ends_is_refused_and_not_remembered(
    keys: KeyAuthority, garden: Garden, watch: Watch
) -> None:
    await keys.find(KEY, HERE)
    del garden.people[KEY]
    assert await keys.find(KEY, HERE) == READER, "the twin: so long it is believed"

    watch.ahead += CONFIRMED_FOR_S + 0.01
    assert await keys.find(KEY, HERE) is None
    assert recalled(keys) is None


async def test_a_refusal_is_remembered_for_a_second(keys: KeyAuthority, garden: Garden, watch: Watch) -> None:
    bad = f"{PREFIX}bad"
    for _ in range(5):
        assert await keys.find(bad, HERE) is None
    assert garden.asked[bad] == 1

    garden.people[bad] = READER
    watch.ahead += REFUSED_FOR_S + 0.01
    assert await keys.find(bad, HERE) == READER


async def test_who_gives_up_waiting_does_not_end_it_for_the_others(keys: KeyAuthority, lane: Lane) -> None:
    lane.slow_s = 0.05
    impatient, patient = (asyncio.create_task(keys.find(KEY, HERE)) for _ in range(2))
    await asyncio.sleep(0.01)
    impatient.cancel()

    assert await patient == READER


async def test_while_its_home_is_away_a_key_is_not_confirmed_and_recalled_for_five_seconds(
    keys: KeyAuthority, lane: Lane, watch: Watch
) -> None:
    await keys.find(KEY, HERE)
    lane.away = True
    watch.ahead += CONFIRMED_FOR_S + 0.01
    with pytest.raises(PeerAway):
        await keys.find(KEY, HERE)
    assert recalled(keys) == READER
    assert recalled(keys, f"{PREFIX}other") is None

    watch.ahead += BELIEVED_FOR_S
    assert recalled(keys) is None

    lane.away = False
    assert await keys.find(KEY, HERE) == READER


async def test_what_keeps_its_home_from_knowing_is_told_here(
    keys: KeyAuthority, garden: Garden, watch: Watch
) -> None:
    garden.broken = UnavailableError(
        "The database is away.", retry_after=confirming.FIRST_LOOKS.period, code="away"
    )
    with pytest.raises(UnavailableError) as told:
        await keys.find(KEY, HERE)

    assert (told.value.code, told.value.retry_after) == ("away", FIRST_LOOKS.period)


async def test_guesses_are_counted_by_network_before_anybody_is_asked(
    keys: KeyAuthority, lane: Lane, watch: Watch
) -> None:
    await keys.find(KEY, THERE)
    for number in range(FIRST_LOOKS.burst):
        assert await keys.find(f"{PREFIX}{number}", HERE) is None
    asked = lane.said["key"]
    for number in range(100):
        with pytest.raises(RateLimitError):
            await keys.find(f"{PREFIX}more{number}", HERE)
    assert lane.said["key"] == asked

    watch.ahead += CONFIRMED_FOR_S + 0.01
    assert await keys.find(KEY, HERE) == READER, "a key that was good here is no guess, wherever it comes from"
    assert await keys.find(f"{PREFIX}other", THERE) is None


async def test_a_storm_from_everywhere_asks_only_so_much_at_a_time(
    keys: KeyAuthority, lane: Lane, watch: Watch
) -> None:
    await keys.find(KEY, HERE)
    watch.ahead += CONFIRMED_FOR_S + 0.01
    lane.slow_s = 0.1
    storm = [keys.find(f"{PREFIX}{number}", f"192.0.2.{number}") for number in range(200)]
    storming = asyncio.gather(*storm, return_exceptions=True)
    await asyncio.sleep(0)

    started = time.monotonic()
    assert await keys.find(KEY, HERE) == READER, "who works already is asked about all the same"
    assert time.monotonic() - started < WAITS_S / 2

    found = await storming
    assert lane.most_at_once == MOST_STRANGERS_AT_ONCE + 1
    assert found.count(None) > MOST_STRANGERS_AT_ONCE, "the others wait for their turn"
    assert any(isinstance(each, IdentityUnknown) for each in found), "and not for ever"
    assert {type(each) for each in found} == {type(None), IdentityUnknown}


async def test_memory_is_bounded(keys: KeyAuthority, garden: Garden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "MOST_REMEMBERED", 3)
    many = [f"{PREFIX}many{number}" for number in range(5)]
    garden.people |= dict.fromkeys(many, READER)
    for key in many:
        await keys.find(key, HERE)

    assert [recalled(keys, key) for key in many] == [None, None, READER, READER, READER]


@pytest.mark.parametrize("key", [f"{PREFIX}{'x' * 5000}", f"{PREFIX}\ud800", f"{PREFIX}\x00"])
async def test_what_cannot_be_a_key_is_refused_and_breaks_nothing(keys: KeyAuthority, key: str) -> None:
    assert await keys.find(key, HERE) is None
