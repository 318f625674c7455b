"""The ledgers of all hosted contexts, opened for a command: each under its context's own role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_host.catalog import Row
from hedgerow_host.database import database_away, existing_database
from hedgerow_host.discovery import LoadedContext
from hedgerow_host.exits import load_settings
from hedgerow_host.migrate import chosen_contexts, isolation_when_migrated
from hedgerow_host.settings import HostSettings

Answer = TypeVar("Answer")
Ledgers = Mapping[str, Database]
"""The database of each context, by the context's name."""


def with_ledgers(
    settings: HostSettings, context: str | None, work: Callable[[Ledgers], Awaitable[Answer]]
) -> Answer:
    """Run `work` on the ledgers of all hosted contexts, or of the one that is named.

    Raises:
        HostError: the context is not hosted here, the database is away, or it is not migrated.
    """
    contexts = chosen_contexts(settings, context)

    async def run(address: DatabaseAddress) -> Answer:
        async with _opened(address, contexts) as ledgers:
            return await work(ledgers)

    with existing_database(settings) as address:
        try:
            return asyncio.run(run(address))
        except UnavailableError as error:
            raise database_away(address, error) from error


def newest_rows(
    context: str | None, read: Callable[[AsyncConnection], Awaitable[Sequence[Any]]], *, by: str, limit: int
) -> list[Row]:
    """What `read` finds in the ledger of each hosted context, as rows; the newest first, by the field `by`."""

    async def find(ledgers: Ledgers) -> list[Row]:
        rows: list[Row] = []
        for name, database in ledgers.items():
            async with database.reading() as connection:
                rows += [{"context": name, **_row_of(record)} for record in await read(connection)]
        return sorted(rows, key=lambda row: str(row[by]), reverse=True)[:limit]

    return with_ledgers(load_settings(), context, find)


@asynccontextmanager
async def _opened(address: DatabaseAddress, contexts: list[LoadedContext]) -> AsyncIterator[Ledgers]:
    isolation = await isolation_when_migrated(address, contexts)
    ledgers = {name: Database(address, name, isolation=kept) for name, kept in isolation.items()}
    try:
        yield ledgers
    finally:
        for database in ledgers.values():
            await database.close()


def _row_of(record: Any) -> Row:
    """A dataclass as a row whose values JSON knows: times in RFC 3339, ids as text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in asdict(record).items()
    }
