"""Hints through Redis: dramatiq's broker without what hints have no use for, and without polling for each of them.

dramatiq's consumer asks Redis again and again, every 20 ms for a hint to be quick, and that took an idle process
several percent of a core. But one worker hints for all (ADR 0048), and what it sends comes in swarms: its
dispatcher wakes its own consumer, and the others look in twice a second while all is quiet, and every 20 ms once
they have found one.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from redis.backoff import NoBackoff
from redis.retry import Retry

HEARTBEAT_TIMEOUT_MS = 5_000
"""After this silence another worker takes over a killed worker's hints (measured: 8 of 8 came back in 11 s)."""
ALWAYS_MAINTAIN = 1_000_000
"""Chance in a million that a command looks for dead workers; dramatiq's default of 1,000 means minutes."""
REDIS_TIMEOUT_S = 0.5
"""It answers within a millisecond or two; a hint that waits longer for it is better sent again."""
REDIS_RETRIES = 2
"""Over a new connection, at once. dramatiq's consumer would lose what it had fetched, and pause for 3 s."""
BUSY_FOR_S = 2.0
BUSY_LOOK_IN_S = 0.02
"""For so long after a hint it looks in so often: one worker hints for all, and all are to have their share."""
_NO_NAP_MS = 1
"""dramatiq's own sleep after an empty answer. We wait by ourselves, and can be woken."""


class HintsOnly(RedisBroker):
    """Redis without queues for delayed messages: the ledger knows what is due when, and each would be polled."""

    def __init__(self, url: str, namespace: str) -> None:
        self.woken: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        """Set when there may be something to fetch, by queue."""
        self.fetches = True
        """Whether this process still takes hints. What it sends goes to others, once it does not."""
        timeouts = {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S}
        super().__init__(  # type: ignore[no-untyped-call] # dramatiq types its actors, not its brokers
            client=redis.Redis.from_url(url, retry=Retry(NoBackoff(), REDIS_RETRIES), **timeouts),
            # No middleware: no retries (the ledger retries), no time limits (the lease limits), no results.
            middleware=[],
            namespace=namespace,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            maintenance_chance=ALWAYS_MAINTAIN,
        )

    @property
    def consumer_class(self) -> type[AttentiveConsumer]:
        """What fetches hints."""
        return AttentiveConsumer

    def get_declared_delay_queues(self) -> set[str]:
        """None."""
        return set()

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        """Send a message, and have this process look for it."""
        sent = super().enqueue(message, delay=delay)
        self.woken[message.queue_name].set()
        return sent


class AttentiveConsumer(_RedisConsumer):
    """Fetches as soon as it is woken, else every `timeout` milliseconds, and more often after a message."""

    def __init__(self, broker: HintsOnly, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, _NO_NAP_MS)  # type: ignore[no-untyped-call]
        self._hints = broker
        self._look_in_every_s = timeout / 1000
        self._woken = broker.woken[queue_name]
        self._found_at = -BUSY_FOR_S

    def __next__(self) -> Any:
        """The next message; None if there was none for a while."""
        self._woken.clear()  # before it looks, so that nothing that comes meanwhile is slept over
        if not self._hints.fetches and not self.message_cache:
            self._woken.wait(self._look_in_every_s)
            return None
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is not None:
            self._found_at = time.monotonic()
        else:
            self._woken.wait(BUSY_LOOK_IN_S if self._is_busy else self._look_in_every_s)
        return message

    @property
    def _is_full(self) -> bool:
        return bool(self.outstanding_message_count >= self.prefetch)

    @property
    def _is_busy(self) -> bool:
        return not self._is_full and time.monotonic() - self._found_at < BUSY_FOR_S

    def ack(self, message: Any) -> None:
        """A message is worked off; if it was one too many to fetch more, there is room now."""
        was_full = self._is_full
        super().ack(message)  # type: ignore[no-untyped-call]
        if was_full:
            self._woken.set()
