"""The servers under the experiments: which they are, for the evidence."""

from __future__ import annotations

import asyncio

import asyncpg
import redis

from hedgerow_core.persistence import DatabaseAddress


def plain_url(address: DatabaseAddress) -> str:
    """As asyncpg takes it, password and all."""
    return address.url.set(drivername="postgresql").render_as_string(hide_password=False)


def version_of_postgres(address: DatabaseAddress) -> str:
    """What the server says of itself."""

    async def ask() -> str:
        connection = await asyncpg.connect(plain_url(address))
        try:
            return str(await connection.fetchval("SHOW server_version"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def version_of_redis(url: str) -> str:
    """What the server says of itself."""
    with redis.Redis.from_url(url) as client:
        return str(client.info("server")["redis_version"])
