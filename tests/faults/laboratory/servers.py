"""The servers under the experiments: how an operator gets at them, and which they are, for the evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import redis

from hedgerow_core.persistence import DatabaseAddress


def plain_url(address: DatabaseAddress) -> str:
    """As asyncpg takes it, password and all."""
    return address.url.set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def connected(address: DatabaseAddress) -> AsyncIterator[asyncpg.Connection]:
    """A connection of an operator's. Who asks again and again keeps it: a new one costs more than a question."""
    connection = await asyncpg.connect(plain_url(address))
    try:
        yield connection
    finally:
        await connection.close()


def version_of_postgres(address: DatabaseAddress) -> str:
    """What the server says of itself."""

    async def ask() -> str:
        async with connected(address) as connection:
            return str(await connection.fetchval("SHOW server_version"))

    return asyncio.run(ask())


def version_of_redis(url: str) -> str:
    """What the server says of itself."""
    with redis.Redis.from_url(url) as client:
        return str(client.info("server")["redis_version"])
