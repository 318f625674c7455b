"""A dry run: what would happen if a delivery ran now, found out in a transaction that is rolled back.

No row changes, attempts neither, and nothing is called outside: a task that would is named and left alone. Each
delivery is rehearsed by itself, so one that builds on another that has not run may fail here and pass later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Cause, Task, caused_by
from hedgerow_core.domain import Clock, new_id
from hedgerow_core.messaging.consumers import Consumer, NewerVersionError
from hedgerow_core.messaging.drain import DEADLINE
from hedgerow_core.messaging.events import Envelope
from hedgerow_core.messaging.selection import FILTER, FILTER_TYPES, DeliveryFilter, parameters_of
from hedgerow_core.messaging.steering import CHANGEABLE, Action
from hedgerow_core.messaging.telling import reason_of
from hedgerow_core.messaging.work import LedgerWork
from hedgerow_core.persistence import Database


class Verdict(StrEnum):
    """What a rehearsal found out."""

    WOULD_COMPLETE = "would_complete"
    WOULD_FAIL = "would_fail"
    NOT_TRIED = "not_tried"
    """It calls the world outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is to be rehearsed: the message and who would get it."""

    subscription: str
    payload: Mapping[str, Any]
    envelope: Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one rehearsal ended."""

    event_id: UUID
    subscription: str
    verdict: Verdict
    note: str | None
    """The error, or why it was not tried."""


class _TakenBackError(Exception):
    """Ends the transaction of a rehearsal that went well."""


_CHOOSE = text(
    f"""
    SELECT d.* FROM deliveries d WHERE {FILTER} AND d.state = ANY(:changeable)
    ORDER BY d.subscription, d.position, d.event_id LIMIT :limit
    """  # noqa: S608 - our own constants
).bindparams(*FILTER_TYPES, bindparam("changeable", type_=ARRAY(Text)))

# What is only checked at the commit would not be found out before the rollback.
_CHECK_NOW = text("SET CONSTRAINTS ALL IMMEDIATE")


async def retryable(connection: AsyncConnection, which: DeliveryFilter, *, limit: int) -> list[Part]:
    """The deliveries that a retry would change first, as parts."""
    only = {"changeable": [str(state) for state in CHANGEABLE[Action.RETRY]], "limit": limit}
    rows = await connection.execute(_CHOOSE, parameters_of(which) | only)
    return [part_of(row, row.subscription) for row in rows]


async def rehearse(
    database: Database,
    consumers: Mapping[str, Consumer],
    work_for: Callable[[AsyncConnection], LedgerWork],
    parts: Sequence[Part],
) -> list[Outcome]:
    """Run the handler of each part in a transaction of its own, and take it back.

    Raises:
        UnavailableError: the database is away.
    """
    return [await _rehearsed(database, consumers.get(part.subscription), work_for, part) for part in parts]


async def _rehearsed(
    database: Database,
    consumer: Consumer | None,
    work_for: Callable[[AsyncConnection], LedgerWork],
    part: Part,
) -> Outcome:
    if consumer is None:
        return _outcome(part, Verdict.WOULD_FAIL, "no handler of this name is installed")
    try:
        message = consumer.decode(part.payload, part.envelope.version)
        if consumer.calls_out:
            return _outcome(part, Verdict.NOT_TRIED, "calls the world outside")
        await _taken_back(database, consumer, work_for, part, message)
    except NewerVersionError as newer:
        return _outcome(part, Verdict.WOULD_FAIL, f"{newer}; it would wait for a newer build")
    except Exception as error:
        return _outcome(part, Verdict.WOULD_FAIL, reason_of(error))
    return _outcome(part, Verdict.WOULD_COMPLETE)


async def _taken_back(
    database: Database,
    consumer: Consumer,
    work_for: Callable[[AsyncConnection], LedgerWork],
    part: Part,
    message: object,
) -> None:
    envelope = part.envelope
    cause = Cause(correlation_id=envelope.correlation_id, causation_id=envelope.event_id, actor=envelope.actor)
    try:
        async with asyncio.timeout(DEADLINE.total_seconds()), database.transaction() as connection:
            with caused_by(cause):
                work = work_for(connection)
                await consumer.apply(message, None, envelope, work)
                await work.flush()
            await connection.execute(_CHECK_NOW)
            raise _TakenBackError
    except _TakenBackError:
        return


def part_of(row: Row[Any], subscription: str) -> Part:
    """A row of the deliveries or of an outbox, as its consumer would get it."""
    fields = row._mapping
    return Part(
        subscription=subscription,
        payload=row.payload,
        envelope=Envelope(
            event_id=row.event_id,
            type=row.type,
            version=row.version,
            publisher=fields.get("publisher") or row.type.partition(".")[0],
            position=fields["position"] if "position" in fields else fields["id"],
            aggregate_id=row.aggregate_id,
            aggregate_version=row.aggregate_version,
            occurred_at=row.occurred_at,
            correlation_id=row.correlation_id,
            actor=row.actor,
            attempt=1,
        ),
    )


def part_of_task(task: Task, context: str, clock: Clock) -> Part:
    """A task that is not recorded, as its handler would get it."""
    return Part(
        subscription=task.name,
        payload=TypeAdapter(type(task)).dump_python(task, mode="json"),
        envelope=Envelope(
            event_id=new_id(),
            type=task.name,
            version=1,
            publisher=context,
            position=0,
            aggregate_id=None,
            aggregate_version=None,
            occurred_at=clock.now(),
            correlation_id=None,
            actor=None,
            attempt=1,
        ),
    )


def _outcome(part: Part, verdict: Verdict, note: str | None = None) -> Outcome:
    return Outcome(event_id=part.envelope.event_id, subscription=part.subscription, verdict=verdict, note=note)
