"""What needs the contexts' own declarations: publishing by hand, replays, dry runs, schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hedgerow_core.domain import Clock, NotFoundError
from hedgerow_core.messaging import EventContract, Schedule, Subscription, rehearsal, replay, schedules
from hedgerow_core.messaging.actions import Decision, write_down
from hedgerow_core.messaging.emission import Emission, emit
from hedgerow_core.messaging.rehearsal import Outcome, Part
from hedgerow_core.messaging.replay import Preview, Replay, ReplayBatch
from hedgerow_core.messaging.selection import DeliveryFilter
from hedgerow_core.messaging.steering import BATCH
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.operations.changes import Changed, Progress, noting_failure
from hedgerow_host.operations.rows import Row, row_of

REHEARSED = 20
"""Deliveries of a dry run, unless told otherwise."""

Contexts = Mapping[str, HostedContext]
"""The hosted contexts, built, by name."""


@dataclass(frozen=True, slots=True)
class Replaying:
    """A replay and the context whose subscription it feeds."""

    context: HostedContext
    replay: Replay


def contract_of(contexts: Contexts, event: str) -> tuple[HostedContext, type[EventContract]]:
    """Who publishes the event here, and under which contract: the newest, if there are several versions.

    Raises:
        NotFoundError: nobody here does.
    """
    found = [
        (context, contract)
        for context in contexts.values()
        for contract in context.subscriptions.publishes
        if contract.event_type == event
    ]
    if not found:
        known = sorted(c.event_type for context in contexts.values() for c in context.subscriptions.publishes)
        raise NotFoundError(f"No context here publishes {event}. Published are: {', '.join(known) or 'none'}.")
    return max(found, key=lambda each: each[1].event_version)


def subscription_of(contexts: Contexts, name: str) -> tuple[HostedContext, Subscription]:
    """The subscription of this name and its context.

    Raises:
        NotFoundError: no context here has it.
    """
    found = {
        each.name: (context, each) for context in contexts.values() for each in context.subscriptions.subscribes
    }
    if name not in found:
        raise NotFoundError(
            f"No context here has the subscription {name}. There are: {', '.join(found) or 'none'}."
        )
    return found[name]


def schedule_of(contexts: Contexts, name: str) -> tuple[HostedContext, Schedule]:
    """The schedule of this name and its context.

    Raises:
        NotFoundError: no context here has it.
    """
    found = {each.name: (context, each) for context in contexts.values() for each in context.handlers.schedules}
    if name not in found:
        raise NotFoundError(f"No context here has the schedule {name}. There are: {', '.join(found) or 'none'}.")
    return found[name]


async def emit_event(context: HostedContext, emission: Emission, decision: Decision, clock: Clock) -> UUID:
    """Publish an event by hand, as the context; returns its id.

    Raises:
        ValidationError: the payload breaks the contract, or the aggregate's type and version are not known.
    """
    async with context.database.transaction() as connection:
        return await emit(connection, emission, decision, clock)


async def preview_replay(replaying: Replaying) -> Preview:
    """What a replay would find.

    Raises:
        NotFoundError: the publisher's outbox is not in this database.
    """
    async with replaying.context.database.reading() as connection:
        return await replay.preview(connection, replaying.replay)


async def run_replay(
    replaying: Replaying,
    decision: Decision,
    *,
    at_most: int | None = None,
    after: int = 0,
    progress: Progress = lambda _number: None,
) -> tuple[Changed, int | None]:
    """Carry events again, `at_most` of them, beginning behind position `after`. A failure is noted in the answer.

    Returns with it the position behind which to go on; None if the replay came to its end.

    Raises:
        NotFoundError: the publisher's outbox is not in this database.
    """
    database, done = replaying.context.database, Changed()
    batch: ReplayBatch | None = None
    with noting_failure(done, database.context):
        while batch is None or (batch.more and (at_most is None or done.changed < at_most)):
            limit = BATCH if at_most is None else min(BATCH, at_most - done.changed)
            async with database.transaction() as connection:
                batch = await replay.carry(
                    connection, replaying.replay, decision, limit=limit, before=batch, after=after
                )
            if batch.changed:
                done.add(database.context, batch.changed)
                progress(batch.changed)
        found = await preview_replay(replaying)
        done.remaining = found.missing
    unfinished = bool(done.failed) or batch is None or batch.more
    return done, (batch.reached if batch else after) if unfinished else None


async def rehearse_retry(contexts: Contexts, which: DeliveryFilter, *, limit: int = REHEARSED) -> list[Row]:
    """What would become of the first deliveries that a retry would change."""
    rows: list[Row] = []
    for context in contexts.values():
        async with context.database.reading() as connection:
            parts = await rehearsal.retryable(connection, which, limit=limit - len(rows))
        rows += await _rehearsed(context, parts)
    return rows


async def rehearse_replay(replaying: Replaying, *, limit: int = REHEARSED) -> list[Row]:
    """What would become of the first events that a replay would carry.

    Raises:
        NotFoundError: the publisher's outbox is not in this database.
    """
    async with replaying.context.database.reading() as connection:
        parts = await replay.parts(connection, replaying.replay, limit=limit)
    return await _rehearsed(replaying.context, parts)


async def rehearse_schedule(context: HostedContext, schedule: Schedule, clock: Clock) -> list[Row]:
    """What would become of the task that the schedule makes at this moment."""
    return await _rehearsed(context, [rehearsal.part_of_task(schedule.task(clock.now()), context.name, clock)])


async def list_schedules(contexts: Contexts) -> list[Row]:
    """The declared schedules of all contexts, with their last and next ticks."""
    rows: list[Row] = []
    for name, context in contexts.items():
        async with context.database.reading() as connection:
            found = await schedules.listed(connection, context.handlers.schedules)
        rows += [{"context": name, **row_of(schedule)} for schedule in found]
    return rows


async def run_schedule(context: HostedContext, schedule: Schedule, decision: Decision, clock: Clock) -> UUID:
    """Record the schedule's task now, beside its ticks; returns the task's id."""
    async with context.database.transaction() as connection:
        id = await schedules.run_now(connection, schedule, context=context.name, clock=clock, by=decision.by)
        await write_down(connection, "run", {"schedule": schedule.name, "ids": [str(id)]}, decision, 1)
        return id


async def _rehearsed(context: HostedContext, parts: Sequence[Part]) -> list[Row]:
    outcomes: list[Outcome] = await rehearsal.rehearse(
        context.database, context.consumers, context.handlers.work, parts
    )
    return [{"context": context.name, **row_of(outcome)} for outcome in outcomes]
