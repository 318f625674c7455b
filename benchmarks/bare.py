"""The yardstick: a bare dramatiq async actor, written as dramatiq's and asyncpg's guides teach it.

A message is an event. The actor inserts its id into an inbox, so that a repeated message has no second effect,
notes the effect, and commits both. It keeps no order, no history and no dead letters. `dramatiq benchmarks.bare`
runs it.
"""

from __future__ import annotations

import asyncio
import os
from uuid import UUID

import asyncpg
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO

QUEUE = "bare"
POOL = int(os.environ.get("BARE_POOL", "8"))
"""Connections of the process: one a thread."""

broker = RedisBroker(url=os.environ["HEDGEROW_BROKER_URL"], namespace="bare")  # type: ignore[no-untyped-call]
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)

_opening: asyncio.Task[asyncpg.Pool] | None = None

_INBOX = "INSERT INTO bare.inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING event_id"
_NOTE = "INSERT INTO bare.effects (event_id, tree, number, variety, grams) VALUES ($1, $2, $3, $4, $5)"


@dramatiq.actor(queue_name=QUEUE)
async def note_apple(event_id: str, tree: str, number: int, variety: str, grams: int) -> None:
    """Inbox, effect, commit."""
    pool = await _pool()
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(_INBOX, UUID(event_id)) is not None:
            await connection.execute(_NOTE, UUID(event_id), UUID(tree), number, variety, grams)


async def _pool() -> asyncpg.Pool:
    global _opening  # the process has one event loop and one pool
    if _opening is None:
        url = os.environ["HEDGEROW_DATABASE_URL"]
        _opening = asyncio.ensure_future(asyncpg.create_pool(url, min_size=POOL, max_size=POOL))
    return await _opening
