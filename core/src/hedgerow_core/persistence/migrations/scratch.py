"""A database that is there for a moment, on the same server as another: what is tried in it leaves no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hedgerow_core.domain import new_id
from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.owner import owner_connection

PREFIX = "hedgerow_scratch_"
"""A process that was killed in between leaves one of this name; it may be dropped at any time."""

_EXTENSIONS = text(
    """
    SELECT extname, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
    WHERE nspname <> 'pg_catalog' AND NOT nspname = ANY (:contexts)
    """
)


@asynccontextmanager
async def scratch_database(address: DatabaseAddress, contexts: list[str]) -> AsyncIterator[DatabaseAddress]:
    """An empty database beside this one, with the extensions that were installed by hand, as far as one may.

    Those in the schemas of `contexts` are left to their migrations. The user needs the right to create databases.

    Raises:
        UnavailableError: the server is away.
    """
    name = f"{PREFIX}{new_id().hex}"
    scratch = DatabaseAddress(address.url.set(database=name))
    async with owner_connection(address, autocommit=True) as connection:
        extensions = (await connection.execute(_EXTENSIONS, {"contexts": contexts})).all()
        await connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
    try:
        async with owner_connection(scratch, autocommit=True) as connection:
            for extension, schema in extensions:
                with suppress(DBAPIError):  # a migration that needs it will say so
                    await connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
                    await connection.exec_driver_sql(f'CREATE EXTENSION "{extension}" SCHEMA "{schema}" CASCADE')
        yield scratch
    finally:
        async with owner_connection(address, autocommit=True) as connection:
            await connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
