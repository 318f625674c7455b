"""The ledgers of all hosted contexts, opened for a command: each under its context's own role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from hedgerow_core.domain import Clock
from hedgerow_core.observability import configure_logging
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_host.database import existing_database, told_if_away
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import chosen_contexts, isolation_when_migrated
from hedgerow_host.operations.declared import Contexts
from hedgerow_host.operations.rows import Ledgers
from hedgerow_host.settings import HostSettings
from hedgerow_host.start import started

Answer = TypeVar("Answer")


def with_ledgers(
    settings: HostSettings, context: str | None, work: Callable[[Ledgers], Awaitable[Answer]]
) -> Answer:
    """Run `work` on the ledgers of all hosted contexts, or of the one that is named. Builds none of the contexts.

    Raises:
        HostError: the context is not hosted here, the database is away, or it is not migrated.
    """
    contexts = chosen_contexts(settings, context)

    async def run(address: DatabaseAddress) -> Answer:
        async with _opened(address, contexts) as ledgers:
            return await work(ledgers)

    with existing_database(settings) as address, told_if_away(address):
        return asyncio.run(run(address))


def with_contexts(
    settings: HostSettings, context: str | None, work: Callable[[Contexts, Clock], Awaitable[Answer]]
) -> Answer:
    """Run `work` on all hosted contexts, or on the one that is named, built and with their lifespans entered.

    Raises:
        CompositionError: the contexts don't fit together.
        HostError: the context is not hosted here, the database is away, or it is not migrated.
    """
    configure_logging(settings.log_format)
    chosen = [loaded.name for loaded in chosen_contexts(settings, context)]
    with existing_database(settings) as address:
        assembly = started(settings, address)

        async def run() -> Answer:
            async with assembly.running():
                return await work(
                    {each.name: each for each in assembly.contexts if each.name in chosen}, assembly.clock
                )

        with told_if_away(address):
            return asyncio.run(run())


@asynccontextmanager
async def _opened(address: DatabaseAddress, contexts: list[LoadedContext]) -> AsyncIterator[Ledgers]:
    isolation = await isolation_when_migrated(address, contexts)
    ledgers = {name: Database(address, name, isolation=kept) for name, kept in isolation.items()}
    try:
        yield ledgers
    finally:
        for database in ledgers.values():
            await database.close()
