"""What operators change in the ledgers: in batches of one transaction each, so that much blocks nobody for long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import NotFoundError, UnavailableError
from hedgerow_core.messaging import pausing, steering
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.selection import DeliveryFilter
from hedgerow_core.messaging.steering import BATCH, Action
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.failures import driver_error
from hedgerow_host.operations.rows import Ledgers

AT_ONCE = 1_000
"""What one call over HTTP changes at most."""

Progress = Callable[[int], None]
"""Told after every transaction that changed rows how many they were."""


@dataclass(slots=True, kw_only=True)
class Changed:
    """What a change has done so far."""

    changed: int = 0
    contexts: dict[str, int] = field(default_factory=dict)
    """How many in which context."""
    remaining: int = 0
    """How many the same change would still find."""
    failed: dict[str, str] = field(default_factory=dict)
    """What kept it from coming to its end, by context. What is counted above stays done; asking again goes on."""

    def add(self, context: str, number: int) -> None:
        """Count what one transaction has changed."""
        self.changed += number
        self.contexts[context] = self.contexts.get(context, 0) + number


async def decide(
    ledgers: Ledgers,
    action: Action,
    which: DeliveryFilter,
    decision: Decision,
    *,
    at_most: int | None = None,
    progress: Progress = lambda _number: None,
) -> Changed:
    """Retry, skip, discard or cancel what the filter finds, `at_most` of it. A failure is noted in the answer."""
    done = Changed()
    for name, database in ledgers.items():
        with noting_failure(done, name):
            await _decide_in(database, action, which, decision, done, at_most, progress)
    return done


async def _decide_in(
    database: Database,
    action: Action,
    which: DeliveryFilter,
    decision: Decision,
    done: Changed,
    at_most: int | None,
    progress: Progress,
) -> None:
    batch: steering.Batch | None = None
    while batch is None or batch.reached is not None:
        limit = BATCH if at_most is None else min(BATCH, at_most - done.changed)
        if limit <= 0:
            break
        async with database.transaction() as connection:
            batch = await steering.decide(connection, action, which, decision, limit=limit, after=batch)
        if batch.changed:
            done.add(database.context, batch.changed)
            progress(batch.changed)
    async with database.reading() as connection:
        done.remaining += await steering.remaining(connection, action, which)


@contextmanager
def noting_failure(done: Changed, context: str) -> Iterator[None]:
    """Let a failure in one context be noted, so that the others get theirs; what nobody foresaw passes."""
    try:
        yield
    except UnavailableError as error:
        done.failed[context] = error.message
    except DBAPIError as error:
        done.failed[context] = str(driver_error(error)).splitlines()[0]


async def pause(ledgers: Ledgers, subscription: str, decision: Decision) -> bool:
    """Have nothing of a subscription or task claimed. False if it was paused already.

    Raises:
        NotFoundError: no context here knows it.
    """
    return await _in_its_context(ledgers, subscription, lambda each: pausing.pause(each, subscription, decision))


async def resume(ledgers: Ledgers, subscription: str, decision: Decision) -> bool:
    """Let a subscription or task go on. False if it was not paused.

    Raises:
        NotFoundError: no context here knows it.
    """
    return await _in_its_context(ledgers, subscription, lambda each: pausing.resume(each, subscription, decision))


async def _in_its_context(
    ledgers: Ledgers, subscription: str, change: Callable[[AsyncConnection], Awaitable[bool]]
) -> bool:
    for database in ledgers.values():
        async with database.transaction() as connection:
            if await pausing.is_known(connection, subscription):
                return await change(connection)
    raise NotFoundError(
        f"No ledger here knows the subscription or task {subscription}. A worker makes it known when it starts."
    )
