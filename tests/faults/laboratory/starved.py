"""Takes every connection of a context's pool away from an API, and looks from outside whether all came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx

from tests.conftest import Production, with_role

GIVES_BACK_WITHIN_S = 20.0
POLL_S = 0.02
_WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = $1
"""
_IDLE_IN_TRANSACTION = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND application_name LIKE 'hedgerow/%'
"""


@asynccontextmanager
async def connected(production: Production) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the production's database, as somebody who may do everything there."""
    connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def locked(production: Production, table: str) -> AsyncIterator[None]:
    """Whoever reads this table waits until the body is done."""
    async with connected(production) as connection, connection.transaction():
        await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


async def waiting(production: Production, context: str) -> int:
    """How many connections of a context wait for a lock."""
    async with connected(production) as connection:
        return int(await connection.fetchval(_WAITING, f"hedgerow/{context}"))


async def most_waiting(production: Production, context: str, expected: int) -> int:
    """The same, once there are so many; how many there are after a while, if that never happens."""
    until = time.monotonic() + GIVES_BACK_WITHIN_S
    while True:
        count = await waiting(production, context)
        if count >= expected or time.monotonic() > until:
            return count
        await asyncio.sleep(POLL_S)


async def left_over(production: Production, client: httpx.AsyncClient, operator: dict[str, str]) -> dict[str, int]:
    """Connections that an API has not given back, and transactions that nobody ends; nothing if all is well."""
    until = time.monotonic() + GIVES_BACK_WITHIN_S
    while True:
        in_use = (await client.get("/readyz", headers=operator)).json()["connections_in_use"]
        async with connected(production) as connection:
            idle = int(await connection.fetchval(_IDLE_IN_TRANSACTION))
        left = {name: count for name, count in in_use.items() if count} | (
            {"idle in transaction": idle} if idle else {}
        )
        if not left or time.monotonic() > until:
            return left
        await asyncio.sleep(POLL_S)


async def operator_of(production: Production, url: str) -> dict[str, str]:
    """Headers of somebody who sees the details of `/readyz`."""

    def appointed() -> dict[str, str]:
        with httpx.Client(base_url=url, timeout=30) as client:
            return with_role(production, client, "super_admin")._headers

    return await asyncio.to_thread(appointed)
