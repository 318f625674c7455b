"""Poison in the test's own process: small, and quick enough to be played on broken builds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID, uuid4

from hedgerow_core.domain import SystemClock
from hedgerow_core.messaging import Drain, Envelope, Hint, LedgerWork, Relay, consumers_of, partitions, steering
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.selection import DeliveryFilter, DeliveryState
from hedgerow_core.messaging.steering import Action
from tests.faults.laboratory.checker import Answer, Publish, Verdict
from tests.faults.ledger_load.stage import NOTES, SOON, Mark, Stage, note, noting, sink_work
from tests.faults.ledger_load.writers import publish

PATIENCE = 3 * SOON.attempts
FOLLOWERS = 4
BY = Decision(by="operator", why="the handler is mended")


async def runs_of_a_killer(stage: Stage) -> int:
    """How often a delivery that kills its process is tried before it is dead; stops counting at `PATIENCE`."""
    runs = 0

    async def kills(_mark: Mark, _envelope: Envelope, _work: LedgerWork) -> None:
        nonlocal runs
        runs += 1
        raise asyncio.CancelledError  # like a process that ends: nobody writes down how it went

    wanted = noting(kills)
    consumers = consumers_of([wanted], [])
    drain = Drain(stage.sink, consumers, work_for=sink_work, clock=SystemClock(), owner="a")
    partition = await _one_delivery(stage, Relay(stage.sink, "source", [wanted], holder="a"))
    while "dead" not in await stage.states() and runs < PATIENCE:
        with suppress(asyncio.CancelledError):
            await drain(Hint("sink", NOTES, partition))
    return runs


async def _one_delivery(stage: Stage, relay: Relay) -> int:
    """Publish one mark and carry it; returns the partition in which it lies."""
    await _publish(stage, {(uuid4(), 1): ""})
    await relay.open()
    await relay.step()
    async with stage.sink.transaction() as connection:
        await partitions.register(connection, [NOTES])
    owner = await stage.owner()
    partition: int = await owner.fetchval("SELECT partition FROM sink.deliveries")
    await owner.close()
    return partition


async def followers_of_poison(stage: Stage, keys: int) -> Verdict:
    """Keys whose second mark is poison, with followers; quarantine, the fix, a retry; the verdict on all of it."""
    mended = False

    async def chokes(mark: Mark, envelope: Envelope, work: LedgerWork) -> None:
        if mark.ill and not mended:
            raise RuntimeError("poison")
        await note(mark, envelope, work)

    marks = {
        (key, number): "poison" if number == 2 else "" for key in _new(keys) for number in range(1, 3 + FOLLOWERS)
    }
    async with stage.working(subscription=noting(chokes)):
        published = await _publish(stage, marks)
        while True:
            await asyncio.sleep(0.2)  # and the followers have had their chance
            if (await stage.states()).get("dead", 0) == keys:
                break
        mended = True
        async with stage.sink.transaction() as connection:
            dead = DeliveryFilter(states=(DeliveryState.DEAD,))
            await steering.decide(connection, Action.RETRY, dead, BY)
        await stage.settled(len(published))
    return await stage.judged(published)


def _new(keys: int) -> list[UUID]:
    return [uuid4() for _ in range(keys)]


async def _publish(stage: Stage, marks: Mapping[tuple[UUID, int], str]) -> list[Publish]:
    connection = await stage.writer()
    async with connection.transaction():
        published = [
            Publish(key, number, Answer.ACKNOWLEDGED, await publish(connection, key, number, ill=ill))
            for (key, number), ill in marks.items()
        ]
    await connection.close()
    return published
