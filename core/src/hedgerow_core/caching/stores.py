"""Where answers are kept: cashews' stores, in this process or in Redis. Who is away is left alone for a second.

Only bytes are stored. What comes out of Redis is never unpickled: whoever can write there runs no code here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, final

from hedgerow_core.observability import log_of
from hedgerow_core.outbound import CircuitBreaker, CircuitOpen

if TYPE_CHECKING:
    from cashews.backends.interface import Backend

MOST_ENTRIES = 10_000
"""In this process: an answer takes two, about 1 kB together. Beyond it, what nobody asks for is forgotten first."""
ANSWERS_WITHIN_S = 0.25
"""It takes a fraction of a millisecond, on a busy machine some dozens; no request waits longer for a cache."""
ASK_AGAIN_AFTER_S = 1.0
CONNECTIONS = 32
"""Opened as needed."""

_log = log_of(__name__)


class CacheAway(Exception):
    """The store can't be reached, or is left alone because it could not be a moment ago."""


@final
class CacheStore:
    """One for a process. Belongs to one event loop; connects on first use; `close()` it."""

    def __init__(
        self, make: Callable[[], Backend], namespace: str, *, ask_again_after_s: float = ASK_AGAIN_AFTER_S
    ) -> None:
        self._make = make
        self._backend: Backend | None = None
        self._prefix = f"{namespace}:cache"
        self._breaker = CircuitBreaker("cache", changed=_tell, failures=1, open_for_s=ask_again_after_s)

    def key(self, *parts: str) -> str:
        """The name of something in the store: hosts that share a Redis don't meet there."""
        return ":".join((self._prefix, *parts))

    async def both(self, first: str, second: str) -> tuple[bytes | None, bytes | None]:
        """What is under two keys, at one moment.

        Raises:
            CacheAway: it can't be said.
        """
        async with self._asking() as backend:
            one, other = await backend.get_many(first, second)
            return one, other

    async def get(self, key: str) -> bytes | None:
        """What is under a key. Raises CacheAway."""
        async with self._asking() as backend:
            value: bytes | None = await backend.get(key)
            return value

    async def put(self, key: str, value: bytes, *, keep_s: float, only_if_absent: bool = False) -> bool:
        """Put something under a key; False if something is there that was to be left alone. Raises CacheAway."""
        async with self._asking() as backend:
            return await backend.set(key, value, expire=keep_s, exist=False if only_if_absent else None)

    async def delete(self, *keys: str) -> None:
        """Take something away. Raises CacheAway."""
        async with self._asking() as backend:
            await backend.delete_many(*keys)

    async def close(self) -> None:
        """Close every connection."""
        if self._backend is not None:
            backend, self._backend = self._backend, None
            await backend.close()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Backend]:
        from cashews.exceptions import CacheError
        from redis.exceptions import RedisError

        try:
            async with self._breaker.trying():
                if self._backend is None:
                    backend = self._make()
                    await backend.init()  # type: ignore[no-untyped-call]
                    self._backend = backend
                yield self._backend
        except (CircuitOpen, CacheError, RedisError, OSError) as error:
            raise CacheAway from error


def in_process_store() -> CacheStore:
    """In this process alone: for a host that is one process, and for tests."""

    def make() -> Backend:
        from cashews.backends.memory import Memory

        return Memory(size=MOST_ENTRIES, check_interval=0)  # what is old goes when it is asked for, or pushed out

    return CacheStore(make, "here")


def redis_store(url: str, *, namespace: str, ask_again_after_s: float = ASK_AGAIN_AFTER_S) -> CacheStore:
    """In a Redis, for all processes of a host."""

    def make() -> Backend:
        from cashews.backends.redis import Redis
        from cashews.serialize import NULL_SERIALIZER
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        return Redis(
            url,
            suppress=False,
            serializer=NULL_SERIALIZER,
            client_name="hedgerow",
            max_connections=CONNECTIONS,
            wait_for_connection_timeout=ANSWERS_WITHIN_S,
            socket_timeout=ANSWERS_WITHIN_S,
            socket_connect_timeout=ANSWERS_WITHIN_S,
            retry=Retry(NoBackoff(), 1),  # over a new connection: the old one may have died unnoticed
        )

    return CacheStore(make, namespace, ask_again_after_s=ask_again_after_s)


def _tell(is_away: bool) -> None:
    if is_away:
        _log.warning("cache_away")
    else:
        _log.info("cache_back")
