"""A story told against a host: somebody does something, all that follows happens, and then we look."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pydantic
from pydantic_core import to_json, to_jsonable_python
from sqlalchemy import insert, text

from hedgerow_core.domain import new_id
from hedgerow_core.messaging import EventContract, Scheduler
from hedgerow_core.messaging.tables import outbox
from hedgerow_core.persistence import Database
from hedgerow_core.testing.cascade import Cascade, HandlersFailedError, Workplace
from hedgerow_host.dispatching import relays_of
from hedgerow_host.testing.hosting import HostApp

Answer = TypeVar("Answer")

_PUBLISHED = text(
    "SELECT event_id, type, version, payload, aggregate_id, occurred_at, actor FROM outbox ORDER BY id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event as it stands in a publisher's outbox."""

    event_id: UUID
    type: str
    version: int
    payload: dict[str, Any]
    aggregate_id: UUID
    occurred_at: datetime
    actor: str | None


class Scenario:
    """Tells a story against a host. What was published is known up to the last time that all was quiet."""

    def __init__(self, host: HostApp) -> None:
        self.host = host
        self._cascade: Cascade | None = None
        self._published: list[Published] = []

    async def after(self, doing: Awaitable[Answer], *, despite_failures: bool = False) -> Answer:
        """What somebody was answered, once everything that follows from it has happened.

        Raises:
            HandlersFailedError, EndlessCascadeError: as in `quiet`.
        """
        answer = await doing
        await self.quiet(despite_failures=despite_failures)
        return answer

    async def happens(
        self,
        type: str,
        /,
        *,
        version: int = 1,
        about: UUID | None = None,
        despite_failures: bool = False,
        **payload: Any,
    ) -> UUID:
        """Have an event published, as its context would, and everything that follows; returns the event's id.

        Where the publisher is hosted, the payload must be as its contract promises. `about` is the aggregate.

        Raises:
            AssertionError: nobody hosted here publishes or hears such an event, or its payload breaks the contract.
            HandlersFailedError, EndlessCascadeError: as in `quiet`.
        """
        event_id = new_id()
        event = {
            "event_id": event_id,
            "type": type,
            "version": version,
            "aggregate_type": type.partition(".")[0],
            "aggregate_id": about or new_id(),
            "aggregate_version": 1,
            "payload": self._as_promised(type, version, payload),
            "occurred_at": self.host.clock.now(),
        }
        async with self._feed_of(type).transaction() as connection:
            await connection.execute(insert(outbox), event)
        await self.quiet(despite_failures=despite_failures)
        return event_id

    async def time_passes(self, by: timedelta, *, despite_failures: bool = False) -> None:
        """Jump ahead, in Python and in PostgreSQL, and have happen what is due by then.

        Schedules notice it as after a night without workers: each makes up for its ticks as its `catch_up` says.

        Raises:
            HandlersFailedError, EndlessCascadeError: as in `quiet`.
        """
        await self._opened()  # a schedule's first tick is the one after it was seen first
        self.host.clock.advance(by)
        await self.quiet(despite_failures=despite_failures)

    async def quiet(self, *, despite_failures: bool = False) -> None:
        """Carry, work off and schedule until nothing is due in any context.

        Raises:
            HandlersFailedError: names what failed, unless told that this is what the test is about.
            EndlessCascadeError: names who goes on.
        """
        cascade = await self._opened()
        await cascade.work_off()
        self._published = [event for feed in self._feeds() for event in await _read(feed)]
        failures = await cascade.failures()
        if failures and not despite_failures:
            raise HandlersFailedError(failures)

    def published(self, type: str | None = None) -> Sequence[Published]:
        """The events of this type, or all, in the order of their publishers.

        Raises:
            AssertionError: its context is hosted here and publishes no such type, so that an empty answer would
                prove nothing.
        """
        if type is not None:
            self._contract(type)
        return [event for event in self._published if type in (None, event.type)]

    async def _opened(self) -> Cascade:
        """Ready to work off; once more after a jump, because schedulers look at most once a real second."""
        jumped = await self.host.database_clock.follow()
        if self._cascade is None or jumped:
            assembly = self.host.assembly
            self._cascade = Cascade(
                [
                    Workplace(
                        database=context.database,
                        consumers=context.consumers,
                        drain=context.drain,
                        relays=relays_of(context, assembly.peers, assembly.wakeup),
                        chores=[Scheduler(context.database, context.handlers.schedules, assembly.clock)],
                    )
                    for context in assembly.contexts
                ]
            )
            await self._cascade.open()
        return self._cascade

    def _feeds(self) -> list[Database]:
        return [*(context.database for context in self.host.assembly.contexts), *self.host.stand_ins.values()]

    def _feed_of(self, type: str) -> Database:
        publisher = type.partition(".")[0]
        return next(feed for feed in self._feeds() if feed.context == publisher)

    def _contract(self, type: str, version: int | None = None) -> type[EventContract] | None:
        """The contract that a hosted publisher has for it; None if the publisher is absent."""
        publisher = type.partition(".")[0]
        if publisher in self.host.stand_ins:
            if type not in (heard := self._heard(publisher)):
                raise AssertionError(f"nobody here hears {type}; what is heard of {publisher}: {', '.join(heard)}")
            return None
        if publisher not in self.host.assembly.names:
            raise AssertionError(f"{publisher} is neither hosted nor heard here, so {type} can't be")
        published = self.host.context(publisher).subscriptions.publishes
        for contract in published:
            if contract.event_type == type and version in (None, contract.event_version):
                return contract
        names = ", ".join(sorted(f"{each.event_type} v{each.event_version}" for each in published))
        raise AssertionError(f"{publisher} publishes no {type} v{version or '?'}, but {names}")

    def _heard(self, publisher: str) -> list[str]:
        heard = {each.event for context in self.host.assembly.contexts for each in context.subscriptions.subscribes}
        return sorted(type for type in heard if type.startswith(f"{publisher}."))

    def _as_promised(self, type: str, version: int, payload: dict[str, Any]) -> Any:
        contract = self._contract(type, version)
        if contract is None:
            return to_jsonable_python(payload)
        try:
            return contract.model_validate_json(to_json(payload), extra="forbid").model_dump(mode="json")
        except pydantic.ValidationError as error:
            raise AssertionError(f"the payload is not as {type} promises: {error}") from error


async def _read(feed: Database) -> list[Published]:
    async with feed.reading() as connection:
        return [Published(**row._mapping) for row in await connection.execute(_PUBLISHED)]
