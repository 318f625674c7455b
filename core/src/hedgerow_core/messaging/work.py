"""The unit of work on the ledger: changed rows, published events and recorded tasks leave in one transaction.

Nothing is published before the commit, because publishing is a row of the same transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from pydantic import TypeAdapter
from sqlalchemy import Insert, Text, TextClause, bindparam, false, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import AuditEntry, Task, current_cause
from hedgerow_core.application.cache import NOTHING_CLEARED, Cached, Clearing, Place
from hedgerow_core.domain import AggregateRoot, Clock, DomainEvent, new_id
from hedgerow_core.messaging.answers import RecordedAnswers
from hedgerow_core.messaging.events import EventContract
from hedgerow_core.messaging.tables import outbox
from hedgerow_core.messaging.trail import append
from hedgerow_core.persistence import Database, write_rows

Work = TypeVar("Work", bound="LedgerWork")

Translation = Callable[[Any], EventContract]
Translations = Mapping[type[DomainEvent], Translation]
"""Which published contract a domain event becomes. An event that is not listed stays inside."""

_TASK_KEYS = UUID("0192f5e0-7c1e-7e6d-9a51-7461736b6b79")
"""Namespace (RFC 9562 §5.5) in which a task's name and key make its id: the primary key drops the second one."""

PARTITION_OF_KEY = "('x' || substr(md5({key}), 1, 8))::bit(32)::int & 63"
"""SQL: the partition a key falls into. md5, because PostgreSQL's own hashes may change between versions."""

_RECORD_EVENT = insert(outbox)
_EVENT_COLUMNS = [column for column in outbox.c if column.name not in ("id", "xid")]
_RECORD_NOTHING = insert(outbox).from_select(
    [column.name for column in _EVENT_COLUMNS],
    select(*(bindparam(column.name, type_=column.type) for column in _EVENT_COLUMNS)).where(false()),
)

_ENQUEUE_TASK = text(
    f"""
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type,
        version, payload, occurred_at, traceparent, causation_id, correlation_id, actor, next_at)
    VALUES (:event_id, :name, :context, nextval('task_position'), :ordering_key,
        {PARTITION_OF_KEY.format(key=":ordering_key")}, :name, 1, :payload, :occurred_at, :traceparent,
        :causation_id, :correlation_id, :actor, clock_timestamp() + :delay)
    ON CONFLICT (event_id, subscription) DO NOTHING
    """  # noqa: S608 - the only thing interpolated is our own constant
).bindparams(
    bindparam("payload", type_=JSONB),
    bindparam("ordering_key", type_=Text),
)


class LedgerWork:
    """One transaction of one context. Contexts derive their unit of work from it and add repositories."""

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        context: str,
        clock: Clock,
        translations: Translations,
        clearing: Clearing = NOTHING_CLEARED,
    ) -> None:
        """`clearing` says which remembered answers go when which events are recorded."""
        self.connection = connection
        self.tasks = RecordedTasks(connection, context, clock)
        self.answers = RecordedAnswers(connection)
        self._clock = clock
        self._translations = translations
        self._clearing = clearing
        self._cleared: set[Place] = set()
        self._events: list[dict[str, Any]] = []
        self._unpublished: list[dict[str, Any]] = []
        self._audited: list[AuditEntry] = []
        self._at_end: list[tuple[Insert | TextClause, list[Mapping[str, object]]]] = []
        self._published = False

    @property
    def recorded(self) -> bool:
        """Whether an event or a task leaves with this transaction, so that somebody must be woken."""
        return self._published or self.tasks.recorded

    def saved(self, aggregate: AggregateRoot[Any], *, version: int, publish: bool = True) -> Sequence[DomainEvent]:
        """To be called by a repository for every aggregate it wrote: takes its events along, and returns them.

        With `publish=False` nothing was written and nothing leaves, but it takes as long as if: for commands whose
        duration must not tell which of the two it was.
        """
        cause = current_cause()
        events = self._events if publish else self._unpublished
        happened = aggregate.saved_as(version)
        if publish:
            self._cleared |= self._clearing.places_of(happened)
        for event in happened:
            translate = self._translations.get(type(event))
            if translate is None:
                continue
            contract = translate(event)
            events.append(
                {
                    "event_id": new_id(),
                    "type": contract.event_type,
                    "version": contract.event_version,
                    "aggregate_type": type(aggregate).__name__.lower(),
                    "aggregate_id": aggregate.id,
                    "aggregate_version": version,
                    "payload": contract.model_dump(mode="json"),
                    "occurred_at": self._clock.now(),
                    "traceparent": cause.traceparent,
                    "causation_id": cause.causation_id,
                    "correlation_id": cause.correlation_id,
                    "actor": cause.actor,
                }
            )
        return happened

    def audit(self, entry: AuditEntry) -> None:
        """Have a line of the trail leave with this transaction."""
        self._audited.append(entry)

    def write_at_end(self, statement: Insert | TextClause, row: Mapping[str, object]) -> None:
        """Have a row written right before the commit, together with others of the same statement: one round trip.

        For what nothing in this transaction looks at: neither this handler nor, in a drain, those of the deliveries
        that share its batch. Order is kept among what is written so. What fails is raised by the commit, after the
        handler; of a batch, each delivery is tried alone then, so the right one is blamed. The statement stands at
        module level; rows of an insert all have the same columns.
        """
        if not self._at_end or self._at_end[-1][0] is not statement:
            self._at_end.append((statement, []))
        self._at_end[-1][1].append(dict(row))

    def clear(self, cached: Cached[Any], key: str) -> None:
        """Have a remembered answer go with the commit, where no event of this context says so: another's may."""
        self._cleared.add((cached.name, key))

    async def committed(self) -> None:
        """Whoever has called `flush` and committed calls this at once: what was remembered is not found again."""
        await self._clearing.release(self._cleared)

    async def flush(self) -> None:
        """Write what was left for the end, the events and the trail. Called once, right before the commit."""
        for statement, rows in self._at_end:
            await write_rows(self.connection, statement, rows)
        self._at_end = []
        if self._audited:
            await append(self.connection, *self._audited)
            self._audited = []
        if self._events:
            await write_rows(self.connection, _RECORD_EVENT, self._events)
            self._events = []
            self._published = True
        if self._unpublished:
            await self.connection.execute(_RECORD_NOTHING, self._unpublished)
            self._unpublished = []
        await self._clearing.hold(self._cleared)


class RecordedTasks:
    """The task queue of one transaction (port `TaskQueue`)."""

    def __init__(self, connection: AsyncConnection, context: str, clock: Clock) -> None:
        self._connection = connection
        self._context = context
        self._clock = clock
        self.recorded = False

    async def enqueue(self, task: Task, *, delay: timedelta = timedelta(0), key: str | None = None) -> UUID:
        """Record `task`, due after `delay`; a second one of the same type and `key` is ignored."""
        id = new_id() if key is None else uuid5(_TASK_KEYS, f"{task.name}:{key}")
        cause = current_cause()
        self.recorded = True
        await self._connection.execute(
            _ENQUEUE_TASK,
            {
                "event_id": id,
                "name": task.name,
                "context": self._context,
                "ordering_key": key or str(id),
                "payload": _adapter(type(task)).dump_python(task, mode="json"),
                "occurred_at": self._clock.now(),
                "traceparent": cause.traceparent,
                "causation_id": cause.causation_id,
                "correlation_id": cause.correlation_id,
                "actor": cause.actor,
                "delay": delay,
            },
        )
        return id


@asynccontextmanager
async def unit_of_work(
    database: Database,
    work_for: Callable[[AsyncConnection], Work],
    committed: Callable[[], None],
) -> AsyncIterator[Work]:
    """Open a unit of work; commit it when left normally, then call `committed` (the nudge for the relay)."""
    async with database.transaction() as connection:
        work = work_for(connection)
        yield work
        await work.flush()
    await work.committed()
    committed()


_adapters: dict[type[Task], TypeAdapter[Task]] = {}


def _adapter(task: type[Task]) -> TypeAdapter[Task]:
    if task not in _adapters:
        _adapters[task] = TypeAdapter(task)
    return _adapters[task]
