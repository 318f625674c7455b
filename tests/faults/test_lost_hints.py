"""Experiments 5 and 6: Redis dies, forgets, or answers into the void; hints are lost, and nothing else is."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import RedisServer
from tests.faults.laboratory.bench import Bench, laboratory
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.load import Load
from tests.faults.laboratory.proxy import Faults, proxy_before
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.sizes import LONG, size, with_twins

CLEARED_WITHIN_S = 60.0 if LONG else 120.0
"""Loose in the short tier, whose machine may have other things to do."""
GIVE_UP_AFTER_S = 180.0
STUCK_AFTER_S = 15.0 if LONG else 45.0
"""Beside another test process on two cores, waiting for a core comes on top of waiting for a hint."""
QUIET_S = 18.0
"""Longer than any sweep: what has not moved by then does not move any more."""
TWO_SWEEPS_S = 10.0
AWAY_S = (0.2, 1.5)
DROPPED = 0.01
PER_SECOND = 400
LESS_THAN_IT_CAN_PER_S = 130
"""So that what waits, waits for a hint, and not for its turn."""

_SLOWEST = """
    SELECT max(extract(epoch FROM effect.at - delivery.received_at))::float AS s
    FROM sink.effects effect JOIN sink.deliveries delivery USING (event_id)
"""


def kill(server: RedisServer) -> None:
    """It restarts at once, empty."""
    server.stop()
    server.start()


def flush(server: RedisServer) -> None:
    """It forgets everything that it was told."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


async def outages(server: RedisServer, seed: int, count: int) -> None:
    """Kill, leave away for a while, flush: in turn, at random moments."""
    dice = random.Random(seed)
    for nth in range(count):
        await asyncio.sleep(dice.uniform(0.5, 1.5))
        if nth % 3 == 0:
            await asyncio.to_thread(flush, server)
        elif nth % 3 == 1:
            await asyncio.to_thread(kill, server)
        else:
            server.stop()
            await asyncio.sleep(dice.uniform(*AWAY_S))
            await asyncio.to_thread(server.start)


async def flush_often(server: RedisServer, publishing: asyncio.Task[None]) -> None:
    """So often that hints are surely lost: what the product's sweeper is for."""
    with redis.Redis.from_url(server.url) as client:
        while not publishing.done():
            client.flushall()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("mutant", with_twins("never_resends"))
async def test_a_redis_that_dies_and_forgets_costs_time_only(
    laboratory_database: DatabaseAddress,
    redis_server: RedisServer,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    events, load = size("broker_loss.events"), Load(seed)
    settings = {MUTANT: mutant} if mutant else {}
    async with laboratory(laboratory_database, redis_server.url, tmp_path, **settings) as bench:
        bench.supervisor.worker()
        await bench.supervisor.ready()
        publishing = asyncio.create_task(load.publish(bench.source, events, per_second=PER_SECOND))
        await flush_often(redis_server, publishing)
        if mutant is None:
            again = asyncio.create_task(load.publish(bench.source, events, per_second=PER_SECOND))
            await outages(redis_server, seed, size("broker_loss.outages"))
            await again
        quiet_s = QUIET_S if mutant is None else TWO_SWEEPS_S
        rest_s = await bench.settled(load.history, within_s=GIVE_UP_AFTER_S, quiet_s=quiet_s)
        finding, history = await bench.judged(load.history)
    shows = "stuck" if mutant else None
    facts = {"events": len(load.history), "cleared_s": round(rest_s, 1)}
    verdict("5 Redis dies and forgets", finding, seed=seed, mutant=mutant, shows=shows, history=history, **facts)
    assert rest_s < CLEARED_WITHIN_S, f"seed={seed}: slow, though nothing was lost"


async def slowest_s(bench: Bench) -> float:
    """How long an event waited at most from its delivery to its effect."""
    return float((await bench.query(_SLOWEST))[0]["s"] or 0.0)


@pytest.mark.parametrize("mutant", with_twins("never_resends"))
async def test_a_lost_reply_of_redis_leaves_nothing_stuck(
    laboratory_database: DatabaseAddress,
    redis_url: str,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    """The mutant loses more replies, so that it is red for sure; no product could be red for that alone."""
    events, load = size("lost_replies.events"), Load(seed)
    settings = {MUTANT: mutant} if mutant else {}
    redis_place = urlsplit(redis_url)
    target = (redis_place.hostname or "", redis_place.port or 0)
    faults = Faults()
    with proxy_before(target, faults, seed=seed) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        async with laboratory(laboratory_database, url, tmp_path, **settings) as bench:
            bench.supervisor.worker()
            await bench.supervisor.ready()
            faults.drop_reply = DROPPED if mutant is None else 5 * DROPPED
            await load.publish(bench.source, events, per_second=LESS_THAN_IT_CAN_PER_S)
            await bench.settled(load.history, within_s=GIVE_UP_AFTER_S, quiet_s=QUIET_S)
            judged, history = await bench.judged(load.history)
            slowest = await slowest_s(bench)
        dropped = proxy.happened["dropped"]
    assert dropped, "the proxy dropped nothing"
    stuck = slowest > STUCK_AFTER_S
    finding = Measured(judged.clean and not stuck, f"{judged.counts}; the slowest took {slowest:.1f} s")
    facts = {"events": len(load.history), "replies_dropped": dropped}
    verdict("6 lost replies of Redis", finding, seed=seed, mutant=mutant, history=history, **facts)
