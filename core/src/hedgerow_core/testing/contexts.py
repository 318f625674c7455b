"""One context under test: its schema opened under its role, its deliveries worked off on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from hedgerow_core.messaging import Consumer, Drain
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.failures import Constraints
from hedgerow_core.testing.cascade import Cascade, Workplace

PATIENCE_S = 15.0
"""A test that does twenty things at once is about these, and not about how soon a busy machine has a connection."""


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
