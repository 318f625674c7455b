"""What holds whichever way the hints travel: once, in order, and whoever dies costs seconds."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy import text

from hedgerow_core.messaging import Hint
from hedgerow_core.persistence import Database
from hedgerow_host.brokers import BrokerHints
from host.tests.brokers.conftest import IN_PROCESS, RABBITMQ, REDIS
from host.tests.brokers.farm import BrokerServer, Farm, throw_hints_away, until_somebody_works, until_stored
from host.tests.brokers.orchard import Apple, faults, pick

RECOVERED_WITHIN_S = 10.0
RESENT_WITHIN_S = 5.0
CLEARED_WITHIN_S = 60.0
SLOW_S = 1.5
LASTING_S = 0.04
"""Two hundred of these keep one worker busy until the other, which looks in twice a second, takes its share."""
SLACK_S = 2.0
"""For a machine that is busy with other things."""

everywhere = pytest.mark.parametrize("broker_server", [IN_PROCESS, REDIS, RABBITMQ], indirect=True, scope="module")
with_a_broker = pytest.mark.parametrize("broker_server", [REDIS, RABBITMQ], indirect=True, scope="module")


# In this order a round needs two processes: the last tests end them one by one.


@everywhere
async def test_an_event_takes_effect_once_and_in_order_across_two_workers(farm: Farm, orchard: Database) -> None:
    workers = farm.workers(2)
    picking = (pick(orchard, baskets=20, apples=10, takes_s=LASTING_S) for _ in range(2))
    crowds = await asyncio.gather(*picking)
    picked = [apple for crowd in crowds for apple in crowd]

    there = await until_stored(orchard, picked, within_s=20)

    assert faults(picked, there) == []
    assert {worker.pid for worker in workers} <= await drained_by(orchard)


@with_a_broker
async def test_a_hint_for_an_unknown_subscription_is_ignored(farm: Farm, orchard: Database) -> None:
    workers = farm.workers(1)

    await send(farm, Hint("orchard", "orchard.no_such", 0))
    picked = await pick(orchard)
    there = await until_stored(orchard, picked, within_s=RESENT_WITHIN_S)

    assert faults(picked, there) == []
    assert farm.logged("hint_for_unknown_subscription")
    assert all(worker.running for worker in workers)


@with_a_broker
async def test_hints_that_are_thrown_away_are_sent_again(farm: Farm, orchard: Database) -> None:
    farm.workers(2)
    # In every partition: more than two workers run (16) and fetch in advance (64), so others wait in the broker.
    picked = await pick(orchard, baskets=250, takes_s=0.1)
    await until_somebody_works(orchard, picked)
    thrown_away = 0
    for _ in range(10):
        thrown_away += throw_hints_away(str(farm.broker_url), queue_of(farm))
        await asyncio.sleep(0.05)
    thrown_away_at = time.monotonic()

    there = await until_stored(orchard, picked, within_s=20)

    assert thrown_away > 0
    assert faults(picked, there) == []
    assert time.monotonic() - thrown_away_at < RESENT_WITHIN_S + SLACK_S


@with_a_broker
async def test_a_broker_killed_under_load_loses_nothing(
    farm: Farm, broker_server: BrokerServer, orchard: Database
) -> None:
    farm.workers(2)
    async with picking(orchard) as picked:
        await asyncio.sleep(0.5)
        broker_server.stop()
        await asyncio.sleep(1)
        await asyncio.to_thread(broker_server.start)
        back_at = time.monotonic()
        await asyncio.sleep(0.5)

    there = await until_stored(orchard, picked, within_s=CLEARED_WITHIN_S)

    assert faults(picked, there) == []
    assert time.monotonic() - back_at < CLEARED_WITHIN_S
    assert farm.logged("dispatcher_waits"), "the workers never noticed"


@everywhere
async def test_a_worker_that_is_killed_in_a_drain_costs_seconds(farm: Farm, orchard: Database) -> None:
    farm.workers(2)
    picked = await pick(orchard, apples=3, takes_s=SLOW_S / 3)
    victim = farm.worker_that_is(await until_somebody_works(orchard, picked))

    victim.send(signal.SIGKILL)
    victim.wait()
    killed_at = time.monotonic()
    there = await until_stored(orchard, picked, within_s=RECOVERED_WITHIN_S + SLOW_S)

    assert faults(picked, there) == []
    assert time.monotonic() - killed_at - SLOW_S < RECOVERED_WITHIN_S
    assert await attempts(orchard, picked) > len(picked), "the victim had nothing in its hands"


@everywhere
async def test_a_worker_that_is_asked_to_stop_finishes_its_drain(farm: Farm, orchard: Database) -> None:
    farm.workers(1)
    picked = await pick(orchard, takes_s=SLOW_S)
    worker = farm.worker_that_is(await until_somebody_works(orchard, picked))

    exit_code = await asyncio.to_thread(worker.end)

    assert exit_code == 0
    assert faults(picked, await until_stored(orchard, picked, within_s=0)) == []
    assert await attempts(orchard, picked) == 1


BASKET, OTHER = UUID(int=1), UUID(int=2)
ROW = [Apple(BASKET, 1), Apple(OTHER, 1), Apple(BASKET, 2)]


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        (ROW, None),
        ([ROW[1], ROW[0], ROW[2]], None),
        (ROW[:2], "lost"),
        ([*ROW, ROW[1]], "stored 2 times"),
        ([ROW[2], ROW[1], ROW[0]], "out of order"),
        ([*ROW, Apple(OTHER, 2)], "ghost"),
    ],
)
def test_the_judge_sees_each_fault(stored: list[Apple], fault: str | None) -> None:
    found = faults(ROW, stored)

    assert [line.startswith(fault or "-") for line in found] == ([True] if fault else [])


@asynccontextmanager
async def picking(database: Database) -> AsyncIterator[list[Apple]]:
    """Pick while the body runs."""
    picked: list[Apple] = []
    done = asyncio.Event()

    async def go_on() -> None:
        while not done.is_set():
            picked.extend(await pick(database, baskets=5, apples=2))
            await asyncio.sleep(0.02)

    running = asyncio.create_task(go_on())
    try:
        yield picked
    finally:
        done.set()
        await running


async def attempts(database: Database, picked: list[Apple]) -> int:
    sql = text("SELECT sum(attempts) FROM deliveries WHERE ordering_key = ANY(:keys)")
    async with database.reading() as connection:
        found = await connection.execute(sql, {"keys": [str(apple.basket) for apple in picked]})
        return int(found.scalar_one())


async def drained_by(database: Database) -> set[int]:
    """The process ids of all who ever drained a partition last."""
    sql = text("SELECT DISTINCT owner FROM delivery_partitions WHERE owner IS NOT NULL")
    async with database.reading() as connection:
        return {int(owner.rpartition(":")[2]) for owner in (await connection.execute(sql)).scalars()}


async def send(farm: Farm, hint: Hint) -> None:
    async def nothing(_hint: Hint) -> None: ...

    hints = BrokerHints(str(farm.broker_url), farm.address)
    hints.work_with([hint.context], nothing, asyncio.get_running_loop())
    async with hints.connected():
        await hints.send(hint)


def queue_of(farm: Farm) -> str:
    return BrokerHints(str(farm.broker_url), farm.address).queue_of("orchard")
