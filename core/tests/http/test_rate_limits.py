"""A quota lets its burst pass at once and its rate for ever, and never more, wherever it is counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from structlog.testing import capture_logs

from hedgerow_core.application import Claim, Quota, RateLimiter, Verdict
from hedgerow_core.domain import RateLimitError, new_id
from hedgerow_core.http.accounts import HEARD_IS_GOOD_FOR_S, SETTLED_AFTER_S, Accounts
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.http.redis_limiter import ANSWERS_WITHIN_S, RedisLimiter
from hedgerow_core.testing import RedisServer

SLOW = Quota(name="slow", limit=60, period=timedelta(hours=1), burst=3)
"""One a minute: nothing comes back while a test runs."""
QUICK = Quota(name="quick", limit=10, period=timedelta(seconds=1), burst=1)
ROUGH = Quota(name="rough", limit=60, period=timedelta(hours=1), burst=100, exact=False)
WIDE = Quota(name="wide", limit=1000, period=timedelta(hours=1), burst=1000)


@pytest.fixture(params=["process", "redis"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[RateLimiter]:
    if request.param == "process":
        yield InProcessLimiter()
        return
    limiter = RedisLimiter(request.getfixturevalue("redis_url"), namespace=f"test:{new_id()}")
    yield limiter
    await limiter.close()


async def test_a_burst_passes_at_once_and_the_next_waits_one_interval(limiter: RateLimiter) -> None:
    verdicts = [await limiter.spend(Claim(SLOW, "ann")) for _ in range(4)]

    assert [verdict.passes for verdict in verdicts] == [True, True, True, False]
    assert [verdict.standings[0].remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert timedelta(seconds=58) < verdicts[-1].retry_after <= timedelta(seconds=60)
    assert 178 < verdicts[-1].standings[0].full_after_s <= 180
    with pytest.raises(RateLimitError) as refused:
        verdicts[-1].demand()
    assert refused.value.retry_after == verdicts[-1].retry_after


async def test_subjects_and_quotas_are_counted_apart(limiter: RateLimiter) -> None:
    for _ in range(4):
        used_up = await limiter.spend(Claim(SLOW, "ann"))
    assert not used_up.passes

    assert (await limiter.spend(Claim(SLOW, "ben"))).passes
    assert (await limiter.spend(Claim(WIDE, "ann"))).passes


async def test_what_one_quota_refuses_uses_none_of_the_others(limiter: RateLimiter) -> None:
    left = [(await limiter.spend(Claim(WIDE, "ann"), Claim(SLOW, "ann"))).standings[0].remaining for _ in range(8)]

    assert left == [999, 998, *[997] * 6]


async def test_what_is_given_back_may_be_used_again_and_never_more_than_all(limiter: RateLimiter) -> None:
    for _ in range(SLOW.burst):
        await limiter.spend(Claim(SLOW, "ann"))
    limiter.give_back(Claim(SLOW, "ann"))
    assert [(await limiter.spend(Claim(SLOW, "ann"))).passes for _ in range(2)] == [True, False]

    for _ in range(2 * SLOW.burst):
        limiter.give_back(Claim(SLOW, "ann"))
    limiter.give_back(Claim(SLOW, "ben"))
    for subject in ("ann", "ben"):
        verdicts = [await limiter.spend(Claim(SLOW, subject)) for _ in range(SLOW.burst + 1)]
        assert [verdict.passes for verdict in verdicts] == [True] * SLOW.burst + [False]


async def test_who_waits_as_told_passes(limiter: RateLimiter) -> None:
    assert (await limiter.spend(Claim(QUICK, "ann"))).passes
    refused = await limiter.spend(Claim(QUICK, "ann"))
    assert not refused.passes

    await asyncio.sleep(refused.retry_after.total_seconds() + 0.002)

    assert (await limiter.spend(Claim(QUICK, "ann"))).passes


async def test_of_many_at_once_a_burst_passes(limiter: RateLimiter) -> None:
    verdicts = await asyncio.gather(*(limiter.spend(Claim(SLOW, "ann")) for _ in range(40)))

    assert sum(verdict.passes for verdict in verdicts) == SLOW.burst


async def test_processes_count_together_in_redis_and_hosts_apart(redis_url: str) -> None:
    one, other = f"test:{new_id()}", f"test:{new_id()}"
    limiters = [RedisLimiter(redis_url, namespace=namespace) for namespace in (one, one, other)]
    try:
        verdicts = [await limiter.spend(Claim(SLOW, "ann")) for limiter in limiters]
    finally:
        for limiter in limiters:
            await limiter.close()

    assert [verdict.standings[0].remaining for verdict in verdicts] == [2, 1, 2]


@pytest.fixture
async def pair(redis_url: str) -> AsyncIterator[list[RedisLimiter]]:
    """Two processes of one host."""
    namespace = f"test:{new_id()}"
    limiters = [RedisLimiter(redis_url, namespace=namespace) for _ in range(2)]
    yield limiters
    for limiter in limiters:
        await limiter.close()


async def test_who_is_far_from_a_limit_is_not_asked_for_and_is_counted_a_moment_later(
    pair: list[RedisLimiter], redis_url: str
) -> None:
    one, other = pair
    async with Redis.from_url(redis_url) as redis:
        await one.spend(Claim(ROUGH, "ann"))
        asked = await _commands(redis)
        left = [(await one.spend(Claim(ROUGH, "ann"))).standings[0].remaining for _ in range(40)]
        assert await _commands(redis) - asked <= 1, "40 uses cost a command at most"
    assert left == [*range(98, 58, -1)]

    await asyncio.sleep(SETTLED_AFTER_S * 5)
    assert (await other.spend(Claim(ROUGH, "ann"))).standings[0].remaining == 100 - 42


async def test_each_use_of_an_exact_quota_is_asked_for(pair: list[RedisLimiter], redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await pair[0].spend(Claim(WIDE, "ann"))
        asked = await _commands(redis)
        for _ in range(10):
            await pair[0].spend(Claim(WIDE, "ann"))
        assert await _commands(redis) - asked == 10


async def test_one_process_lets_exactly_a_burst_pass_on_account_and_beyond(pair: list[RedisLimiter]) -> None:
    passed = [(await pair[0].spend(Claim(ROUGH, "ann"))).passes for _ in range(150)]

    assert passed == [True] * 100 + [False] * 50


def test_uses_on_their_way_to_redis_are_not_forgotten_over_an_older_answer() -> None:
    accounts, claim = Accounts(), Claim(ROUGH, "ann")
    accounts.hear(claim, 0, settled=0)
    for _ in range(10):
        assert accounts.spend(claim)
    (bill,) = accounts.bill(claim)
    assert bill.uses == 10

    accounts.hear(claim, 0, settled=0)  # asked for before the bill was sent
    assert left_after(accounts.spend(claim)) == ROUGH.burst - 11

    accounts.hear(claim, 10 * ROUGH.interval_us, settled=10)
    assert left_after(accounts.spend(claim)) == ROUGH.burst - 12
    assert [bill.uses for bill in accounts.bills()] == [2]


def left_after(verdict: Verdict | None) -> int:
    assert verdict is not None, "Redis has to be asked"
    return verdict.standings[0].remaining


async def test_processes_that_have_not_heard_of_each_other_exceed_a_burst_by_half_and_it_is_counted(
    pair: list[RedisLimiter],
) -> None:
    async def hammer(limiter: RedisLimiter) -> int:
        return sum([(await limiter.spend(Claim(ROUGH, "ann"))).passes for _ in range(150)])

    passed = sum(await asyncio.gather(*map(hammer, pair)))

    assert ROUGH.burst <= passed <= ROUGH.burst * 3 // 2
    refused = await pair[0].spend(Claim(ROUGH, "ann"))
    assert refused.retry_after > timedelta(minutes=passed - ROUGH.burst + 1) - timedelta(seconds=30)


async def test_what_was_on_account_when_redis_went_away_does_not_let_more_pass_than_a_process_may(
    redis_server: RedisServer,
) -> None:
    limiter = RedisLimiter(redis_server.url, namespace="test", ask_again_after_s=60)
    try:
        before = [await limiter.spend(Claim(ROUGH, "ann")) for _ in range(20)]
        redis_server.stop()
        await asyncio.sleep(HEARD_IS_GOOD_FOR_S * 2)
        alone = [(await limiter.spend(Claim(ROUGH, "ann"))).passes for _ in range(150)]
    finally:
        await limiter.close()

    assert all(verdict.passes for verdict in before)
    assert sum(alone) == ROUGH.burst


async def _commands(redis: Redis) -> int:
    return int((await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))


async def test_without_redis_the_process_counts_and_says_so_once(redis_server: RedisServer) -> None:
    limiter = RedisLimiter(redis_server.url, namespace="test", ask_again_after_s=0.05)
    try:
        with capture_logs() as logs:
            await limiter.spend(Claim(SLOW, "ann"))
            redis_server.stop()
            alone = [await limiter.spend(Claim(SLOW, "ann")) for _ in range(5)]
            redis_server.start()
            await asyncio.sleep(0.06)
            await limiter.spend(Claim(SLOW, "ben"))
    finally:
        await limiter.close()

    assert [verdict.passes for verdict in alone] == [True, True, True, False, False]
    assert [entry["event"] for entry in logs] == ["rate_limiter_alone", "rate_limiter_shared"]


async def test_a_redis_that_accepts_and_says_nothing_holds_no_request_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        limiter = RedisLimiter(f"redis://127.0.0.1:{port}/0", namespace="test")
        async with asyncio.timeout(ANSWERS_WITHIN_S * 100 / 2):  # in turn, they would take twice as long
            verdicts = await asyncio.gather(*(limiter.spend(Claim(SLOW, "ann")) for _ in range(100)))
        await limiter.close()

    assert sum(verdict.passes for verdict in verdicts) == SLOW.burst


async def test_a_wider_limiter_is_wider_in_rate_and_burst() -> None:
    verdict = await InProcessLimiter(width=100).spend(Claim(SLOW, "ann"))

    (standing,) = verdict.standings
    assert (standing.quota.limit, standing.quota.burst, standing.remaining) == (6000, 300, 299)


async def test_of_too_many_subjects_the_longest_quiet_is_forgotten() -> None:
    limiter = InProcessLimiter(most_subjects=2)
    for subject in ("ann", "ben", "ann", "eve"):
        await limiter.spend(Claim(SLOW, subject))

    left = [(await limiter.spend(Claim(SLOW, subject))).standings[0].remaining for subject in ("ann", "ben")]

    assert left == [0, 2], "ann has been there before; ben seems new"


@given(
    limit=st.integers(1, 50),
    burst=st.integers(1, 20),
    pauses_ms=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
)
def test_in_no_stretch_of_time_does_more_pass_than_burst_and_rate_allow(
    limit: int, burst: int, pauses_ms: list[int]
) -> None:
    quota = Quota(name="any", limit=limit, period=timedelta(seconds=10), burst=burst)
    now = 0
    limiter = InProcessLimiter(now_us=lambda: now)

    async def passed_at() -> list[int]:
        nonlocal now
        passed = []
        for pause in pauses_ms:
            now += pause * 1000
            if (await limiter.spend(Claim(quota, "ann"))).passes:
                passed.append(now)
        return passed

    passed = asyncio.run(passed_at())
    for first, start in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= burst + (end - start) / quota.interval_us


@pytest.mark.parametrize(("name", "limit", "burst"), [("A b", 1, 1), ("", 1, 1), ("a", 0, 1), ("a", 1, 0)])
def test_a_quota_that_means_nothing_is_refused(name: str, limit: int, burst: int) -> None:
    with pytest.raises(ValueError, match="quota"):
        Quota(name=name, limit=limit, period=timedelta(minutes=1), burst=burst)
