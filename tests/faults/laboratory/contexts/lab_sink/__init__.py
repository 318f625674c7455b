"""`sink`: notes every mark of `source` as a row, and publishes that it did, so that deliveries publish, too.

A context of the fault laboratory. Now and then a mark fails at its first attempt, as in real life.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from dependency_injector import containers, providers
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import AggregateRoot, Clock, DomainEvent
from hedgerow_core.messaging import Envelope, EventContract, LedgerWork, RetryPolicy, Subscription
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, Subscriptions, hookimpl

NOTE = "sink.note_mark"
FAILS_EVERY = 13
"""Every so manyth number of a key fails at its first attempt."""
PATIENT = RetryPolicy(attempts=30, first_wait=timedelta(milliseconds=200), longest_wait=timedelta(seconds=1))
"""No kill storm shall use up all attempts: a dead delivery would look like damage."""

_NOTE = text("INSERT INTO effects (event_id, key, number, attempt) VALUES (:event_id, :key, :number, :attempt)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(DomainEvent):
    key: UUID
    number: int


class SinkNoted(EventContract):
    event_type: ClassVar[str] = "sink.noted"

    key: UUID
    number: int


class Notes(AggregateRoot[UUID]):
    """What was noted of a key."""


class SinkWork(LedgerWork):
    """The unit of work of `sink`."""

    def __init__(self, connection: AsyncConnection, *, clock: Clock) -> None:
        translations = {Noted: lambda event: SinkNoted(key=event.key, number=event.number)}
        super().__init__(connection, context="sink", clock=clock, translations=translations)


class Mark(BaseModel):
    """What `sink` reads of `source.marked`."""

    key: UUID
    number: int


async def note_mark(mark: Mark, envelope: Envelope, work: SinkWork) -> None:
    if mark.number % FAILS_EVERY == 0 and envelope.attempt == 1:
        raise RuntimeError("the first attempt fails")
    noted = {"event_id": envelope.event_id, "key": mark.key, "number": mark.number, "attempt": envelope.attempt}
    await work.connection.execute(_NOTE, noted)
    notes = Notes(mark.key, version=mark.number - 1)
    notes.record(Noted(key=mark.key, number=mark.number))
    work.saved(notes, version=mark.number)


class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()


@hookimpl
def manifest() -> Manifest:
    return Manifest(name="sink", version="1.0", core_api=">=0.1,<0.2")


@hookimpl
def migrations() -> MigrationHistory:
    return MigrationHistory(f"{__name__}.migrations")


@hookimpl
def container(core: CoreContainer) -> Container:
    return Container(core=core)


@hookimpl
def handlers(container: Container) -> Handlers:
    clock = container.core.clock()
    return Handlers(work=lambda connection: SinkWork(connection, clock=clock))


@hookimpl
def subscriptions() -> Subscriptions:
    notes = Subscription(name=NOTE, event="source.marked", model=Mark, handle=note_mark, retry=PATIENT)
    return Subscriptions(publishes=(SinkNoted,), subscribes=(notes,))
