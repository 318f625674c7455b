"""What is asked of a broker by those who send it nothing: which one it is, whether it lives, what is ours in there.

An API sends no hint. So nothing of dramatiq is imported here, and of RabbitMQ only where it is the broker.
"""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import urlsplit

import redis.asyncio
from redis.exceptions import RedisError

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.settings import RABBITMQ_SCHEMES

SIGN_OF_LIFE_WITHIN_S = 0.5


async def broker_answers(url: str) -> bool:
    """Whether the broker lets us in within `SIGN_OF_LIFE_WITHIN_S`: for readiness. Opens a connection each time."""
    return await (_rabbitmq_answers(url) if is_rabbitmq(url) else _redis_answers(url))


def is_rabbitmq(url: str) -> bool:
    """Whether the broker is RabbitMQ; else it is Redis."""
    return urlsplit(url).scheme in RABBITMQ_SCHEMES


def namespace_of(address: DatabaseAddress, separator: str = ":") -> str:
    """What the names of this host begin with, in a broker that it may share with others."""
    return f"hedgerow{separator}{hashlib.sha256(address.place.encode()).hexdigest()[:12]}"


async def _redis_answers(url: str) -> bool:
    try:
        async with asyncio.timeout(SIGN_OF_LIFE_WITHIN_S), redis.asyncio.Redis.from_url(url) as client:
            await client.ping()
    except (RedisError, OSError):  # TimeoutError is one
        return False
    return True


async def _rabbitmq_answers(url: str) -> bool:
    from hedgerow_host import rabbitmq

    try:
        async with asyncio.timeout(SIGN_OF_LIFE_WITHIN_S):
            await asyncio.to_thread(rabbitmq.log_in, url, SIGN_OF_LIFE_WITHIN_S)
    except rabbitmq.FAILURES:  # OSError, and so TimeoutError, is among them
        return False
    return True
