"""Counts the uses of quotas in Redis, for all processes of a host; while Redis is away, in this one (ADR 0013)."""

from __future__ import annotations

import time

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hedgerow_core.application import Claim, Verdict
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.observability import log_of

ANSWERS_WITHIN_S = 0.25
"""It takes a fraction of a millisecond, on a busy machine some dozens; no request waits longer for a limiter."""
ASK_AGAIN_AFTER_S = 1.0
CONNECTIONS = 64
"""Opened as needed. With 16, a burst on a busy machine waited too long for one, and took Redis for away."""

# Keys: one a claim. Arguments: interval and burst a claim, in microseconds and uses. Redis's own clock, so that
# processes with clocks apart agree. Answers the wait, then each backlog. Numbers are whole and below 2^53, where a
# Lua number is exact; %.0f, because the plain conversion keeps 14 digits.
_SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait, empty_at = 0, {}
for i, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    empty_at[i] = math.max(now, tonumber(redis.call('GET', key) or now))
    wait = math.max(wait, empty_at[i] - now + interval * (1 - burst))
end
local answer = {wait}
for i, key in ipairs(KEYS) do
    if wait <= 0 then
        empty_at[i] = empty_at[i] + tonumber(ARGV[2 * i - 1])
        local backlog_ms = math.ceil((empty_at[i] - now) / 1000)
        redis.call('SET', key, string.format('%.0f', empty_at[i]), 'PX', string.format('%.0f', backlog_ms))
    end
    answer[i + 1] = empty_at[i] - now
end
return answer
"""

_log = log_of(__name__)


class RedisLimiter:
    """The port `RateLimiter`. Belongs to one event loop; connects on first use; `close()` it."""

    def __init__(
        self, url: str, *, namespace: str, width: int = 1, ask_again_after_s: float = ASK_AGAIN_AFTER_S
    ) -> None:
        """`namespace` keeps hosts apart that share a Redis; `width` makes every quota so many times as wide."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=ANSWERS_WITHIN_S,
            socket_timeout=ANSWERS_WITHIN_S,
            socket_connect_timeout=ANSWERS_WITHIN_S,
            retry=Retry(NoBackoff(), 1),  # over a new connection: the old one may have died unnoticed
        )
        self._client = Redis(connection_pool=pool)
        self._script = self._client.register_script(_SPEND)
        self._prefix = f"{namespace}:rate"
        self._width = width
        self._alone = InProcessLimiter(width=width)
        self._ask_again_after_s = ask_again_after_s
        self._away = False
        self._ask_again_at = 0.0

    async def spend(self, *claims: Claim) -> Verdict:
        """Use each quota once, or none: one round trip."""
        if self._away:
            if time.monotonic() < self._ask_again_at:
                return await self._alone.spend(*claims)
            self._ask_again_at = time.monotonic() + self._ask_again_after_s  # one request asks, the others go on
        wide = [Claim(claim.quota.widened(self._width), claim.subject) for claim in claims]
        try:
            wait, *backlogs = await self._script(
                keys=[f"{self._prefix}:{claim.quota.name}:{claim.subject}" for claim in wide],
                args=[number for claim in wide for number in (claim.quota.interval_us, claim.quota.burst)],
            )
        except (RedisError, OSError) as error:
            self._lose(error)
            return await self._alone.spend(*claims)
        self._find()
        return Verdict.of(wide, wait, backlogs)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    def _lose(self, error: Exception) -> None:
        self._ask_again_at = time.monotonic() + self._ask_again_after_s
        if not self._away:
            self._away = True
            _log.warning("rate_limiter_alone", error=type(error).__name__)

    def _find(self) -> None:
        if self._away:
            self._away = False
            _log.info("rate_limiter_shared")
