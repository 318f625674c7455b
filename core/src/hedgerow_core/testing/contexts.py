"""One context under test without a host: its schema opened under its role, its bus, its deliveries worked off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy import Row, text

from hedgerow_core.application import Bus
from hedgerow_core.domain import Clock
from hedgerow_core.messaging import Consumer, Drain, consumers_of, unit_of_work
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.failures import Constraints
from hedgerow_core.plugin import Handlers, Subscriptions
from hedgerow_core.testing.cascade import Cascade, Workplace

PATIENCE_S = 15.0
"""A test that does twenty things at once is about these, and not about how soon a busy machine has a connection."""

Rows = Callable[..., Awaitable[Sequence[Row[Any]]]]
"""`await rows("SELECT … WHERE id = :id", id=id)` looks into a context's tables, past the code under test."""
WorkOff = Callable[[], Awaitable[None]]
"""`await work_off()` runs every delivery that is due, until none is."""


@asynccontextmanager
async def context_database(
    address: DatabaseAddress, context: str, *, constraints: Constraints | None = None
) -> AsyncIterator[Database]:
    """Open a context's schema as the context would. It must be migrated: see `MigratedDatabases`."""
    database = Database(address, context, constraints=constraints, pool_wait_s=PATIENCE_S)
    try:
        yield database
    finally:
        await database.close()


async def work_off_all(database: Database, consumers: Mapping[str, Consumer], drain: Drain) -> None:
    """Run every delivery that is due, until none is.

    Raises:
        EndlessCascadeError: names who goes on.
    """
    cascade = Cascade([Workplace(database=database, consumers=consumers, drain=drain)])
    await cascade.open()
    await cascade.work_off()


def bus_of(database: Database, declared: Handlers) -> Bus:
    """The bus of what the hook `handlers` has declared, put together as a host does."""
    return Bus(
        commands=declared.commands,
        queries=declared.queries,
        open_work=partial(unit_of_work, database, declared.work, lambda: None),
    )


def worker_of(database: Database, declared: Handlers, heard: Subscriptions, clock: Clock) -> WorkOff:
    """A worker for what the hooks `handlers` and `subscriptions` have declared. It carries no events of others."""
    consumers = consumers_of(heard.subscribes, declared.tasks)
    drain = Drain(database, consumers, work_for=declared.work, clock=clock, owner="test")
    return partial(work_off_all, database, consumers, drain)


def rows_of(database: Database) -> Rows:
    """A look into the tables of this context."""

    async def rows(statement: str, **values: object) -> Sequence[Row[Any]]:
        async with database.transaction() as connection:
            found = await connection.execute(text(statement), values)
            return found.all() if found.returns_rows else []

    return rows
