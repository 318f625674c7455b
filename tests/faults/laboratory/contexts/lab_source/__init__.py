"""`source`: publishes marks, one number after the other for each key, and hears what became of them.

A context of the fault laboratory. Its effects are rows in tables that forbid nothing, so that damage can show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

from dependency_injector import containers, providers
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Bus, Command, CommandHandler, Task
from hedgerow_core.domain import AggregateRoot, Clock, ConflictError, DomainEvent
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.messaging import Envelope, EventContract, LedgerWork, RetryPolicy, Subscription, TaskHandler
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, Subscriptions, hookimpl

HEAR = "source.hear_note"
COUNT = "source.count_tenth"
TASK_EVERY = 10
"""Every tenth number of a key records a task, too."""
PATIENT = RetryPolicy(attempts=30, first_wait=timedelta(milliseconds=200), longest_wait=timedelta(seconds=1))
"""No kill storm shall use up all attempts: a dead delivery would look like damage."""

# The version check: a key's numbers follow each other without a gap, whoever else tries.
_SAVE = text(
    """
    INSERT INTO marks AS mark (key, number) SELECT :key, :number WHERE :number = 1 OR EXISTS (
        SELECT FROM marks WHERE key = :key)
    ON CONFLICT (key) DO UPDATE SET number = excluded.number WHERE mark.number = excluded.number - 1
    RETURNING number
    """
)
_HEARD = text("INSERT INTO effects (event_id, key, number, attempt) VALUES (:event_id, :key, :number, :attempt)")
_COUNTED = text("INSERT INTO counted (key, number) VALUES (:key, :number)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(DomainEvent):
    key: UUID
    number: int


class SourceMarked(EventContract):
    event_type: ClassVar[str] = "source.marked"

    key: UUID
    number: int


class Mark(AggregateRoot[UUID]):
    """A key with its latest number."""


class SourceWork(LedgerWork):
    """The unit of work of `source`."""

    def __init__(self, connection: AsyncConnection, *, clock: Clock) -> None:
        translations = {Marked: lambda event: SourceMarked(key=event.key, number=event.number)}
        super().__init__(connection, context="source", clock=clock, translations=translations)

    async def mark(self, key: UUID, number: int) -> None:
        """Save the key's next number, publish it, and now and then record a task."""
        saved = await self.connection.execute(_SAVE, {"key": key, "number": number})
        if saved.scalar_one_or_none() is None:
            raise ConflictError(f"{number} is not the next number of {key}", code="source.not_next")
        mark = Mark(key, version=number - 1)
        mark.record(Marked(key=key, number=number))
        self.saved(mark, version=number)
        if number % TASK_EVERY == 0:
            await self.tasks.enqueue(CountTenth(key=key, number=number), key=f"{key}:{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeMark(Command[None]):
    key: UUID
    number: int


async def make_mark(command: MakeMark, work: SourceWork) -> None:
    await work.mark(command.key, command.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTenth(Task):
    name: ClassVar[str] = COUNT

    key: UUID
    number: int


async def count_tenth(task: CountTenth, work: SourceWork) -> None:
    await work.connection.execute(_COUNTED, {"key": task.key, "number": task.number})


class Note(BaseModel):
    """What `source` reads of `sink.noted`."""

    key: UUID
    number: int


async def hear_note(note: Note, envelope: Envelope, work: SourceWork) -> None:
    heard = {"event_id": envelope.event_id, "key": note.key, "number": note.number, "attempt": envelope.attempt}
    await work.connection.execute(_HEARD, heard)


class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()


@hookimpl
def manifest() -> Manifest:
    return Manifest(name="source", version="1.0", core_api=">=0.1,<0.2")


@hookimpl
def migrations() -> MigrationHistory:
    return MigrationHistory(f"{__name__}.migrations")


@hookimpl
def container(core: CoreContainer) -> Container:
    return Container(core=core)


@hookimpl
def handlers(container: Container) -> Handlers:
    clock = container.core.clock()
    return Handlers(
        work=lambda connection: SourceWork(connection, clock=clock),
        commands=(CommandHandler(MakeMark, make_mark),),
        tasks=(TaskHandler(task=CountTenth, handle=count_tenth, retry=PATIENT),),
    )


@hookimpl
def subscriptions() -> Subscriptions:
    hears = Subscription(name=HEAR, event="sink.noted", model=Note, handle=hear_note, retry=PATIENT)
    return Subscriptions(publishes=(SourceMarked,), subscribes=(hears,))


@hookimpl
def routes(bus: Bus) -> list[ContextRouter]:
    router = ContextRouter("source")

    @router.post("/marks", status_code=HTTPStatus.CREATED)
    @public
    async def mark(body: Note) -> None:
        """Publish the key's next number."""
        await bus.execute(MakeMark(key=body.key, number=body.number))

    return [router]
