"""A connection as whoever migrates: under no context's role, for what is done rarely and outside of any pool."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.database import CONNECT_TIMEOUT_S, opened
from hedgerow_core.persistence.failures import speaking_plainly


@asynccontextmanager
async def owner_connection(
    address: DatabaseAddress, *, autocommit: bool = False, **settings: str
) -> AsyncIterator[AsyncConnection]:
    """Connect, and close it again. `settings` are those of PostgreSQL: `search_path="users"`.

    Raises:
        UnavailableError: the database is away.
    """
    engine = create_async_engine(
        address.url,
        poolclass=NullPool,
        connect_args={"timeout": CONNECT_TIMEOUT_S, "server_settings": settings},
    )
    if autocommit:
        engine = engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with speaking_plainly({}):
            async with opened(engine) as connection:
                yield connection
    finally:
        await engine.dispose()
