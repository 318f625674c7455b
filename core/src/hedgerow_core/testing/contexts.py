"""The database of one context under test: its schema migrated, its role taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import (
    ContextMigrations,
    Database,
    DatabaseAddress,
    MigrationHistory,
    MigrationRunner,
)
from hedgerow_core.persistence.failures import Constraints


@asynccontextmanager
async def context_database(
    address: DatabaseAddress,
    context: str,
    histories: Sequence[MigrationHistory] = (),
    *,
    constraints: Constraints | None = None,
) -> AsyncIterator[Database]:
    """Migrate the ledger and `histories` into the context's schema, and open it as the context would."""
    await MigrationRunner(address, [ContextMigrations(context, [LEDGER, *histories])]).apply()
    database = Database(address, context, constraints=constraints)
    try:
        yield database
    finally:
        await database.close()
