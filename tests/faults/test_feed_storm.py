"""Experiment 50: the hosts of a publisher and of its subscriber die at random; every effect happens once, in order.

Both publish to each other, so each kind of process is killed on both sides: who serves a feed, and who reads it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import RedisServer, database_for_test, running_redis
from tests.faults.laboratory.child import LEASE_S, MUTANT
from tests.faults.laboratory.load import WRITERS, Load
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins
from tests.faults.laboratory.two_hosts import Host, TwoHosts, two_hosts

EXPERIMENT = "50 hosts of a feed die"
GAPS_S = (2.0, 8.0) if LONG else (0.5, 1.5)
LEASE_OF_LAB_S = 4.0 if LONG else 1.0
GIVE_UP_AFTER_S = 900.0
"""Generous: what is judged is whether all arrives, not how fast. `QUIET_S` ends what makes no progress."""
QUIET_S = 20.0
ANNOUNCED_AGAIN_WITHIN_S = 30.0
SHOWS = {"remote_cursor_before_carry": "lost"}


@pytest.fixture
def two_databases(postgres_server: DatabaseAddress) -> Iterator[dict[str, DatabaseAddress]]:
    with database_for_test(postgres_server) as source, database_for_test(postgres_server) as sink:
        yield {"source": source, "sink": sink}


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


async def storm(bench: TwoHosts, load: Load, stream: RedisServer, *, events: int, kills: int) -> float:
    """Publish under fire; returns how long the rest took after the last kill, or until nothing moved any more.

    With each process the stream dies, too, and comes back empty.
    """
    dice = random.Random(load.seed)
    await bench.start()
    rate = events / (kills * sum(GAPS_S) / 2)
    publishing = asyncio.create_task(load.publish(bench.source, events, per_second=rate))
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(*GAPS_S))
        _kill_one(dice.choice(list(bench.hosts.values())), dice)
        stream.stop()
        stream.start()
    await publishing
    await _publish_until_announced(bench, load, stream)
    return await bench.settled(load.history, within_s=GIVE_UP_AFTER_S, quiet_s=QUIET_S)


async def _publish_until_announced(bench: TwoHosts, load: Load, stream: RedisServer) -> None:
    """The last death may have come behind the last event: that the stream is used again is shown by a later one."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + ANNOUNCED_AGAIN_WITHIN_S
    while not _announced(stream) and loop.time() < give_up_at:
        await load.publish(bench.source, WRITERS)
        await asyncio.sleep(0.5)


def _kill_one(host: Host, dice: random.Random) -> None:
    process = dice.choice(host.supervisor.alive)
    start_again = host.supervisor.worker if process in host.supervisor.workers else host.start_api
    host.supervisor.kill(process)
    start_again()


@pytest.mark.parametrize("mutant", with_twins(*SHOWS))
async def test_what_dies_at_random_on_either_side_of_a_feed_costs_nothing(
    two_databases: dict[str, DatabaseAddress],
    redis_url: str,
    stream: RedisServer,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    events, kills = size("feed_storm.events"), size("feed_storm.kills")
    settings = {LEASE_S: str(LEASE_OF_LAB_S), "HEDGEROW_STREAM_URL": stream.url}
    load, settings = Load(seed), settings | ({MUTANT: mutant} if mutant else {})
    async with two_hosts(two_databases, redis_url, tmp_path, **settings) as bench:
        rest_s = await storm(bench, load, stream, events=events, kills=kills)
        finding, history = await bench.judged(load.history)
        announced = _announced(stream)
    shows = SHOWS[mutant] if mutant else None
    facts = {"events": len(load.history), "kills": kills, "drained_s": round(rest_s, 1), "announced": announced}
    verdict(EXPERIMENT, finding, seed=seed, mutant=mutant, shows=shows, history=history, **facts)
    assert announced, "no worker has announced anything since the stream came back the last time"


def _announced(stream: RedisServer) -> int:
    with redis.Redis.from_url(stream.url) as client:
        return int(client.xlen("hedgerow.events.source"))
