"""Counts the uses of quotas in Redis, for all processes of a host; while Redis is away, in this one (ADR 0013).

What is asked while an answer is on its way is asked together, in the next round trip: nobody waits for company, and
a busy process pays for one command where it paid for thirty. Uses of a quota that is not `exact` may pass on
account.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hedgerow_core.application import Claim, Verdict
from hedgerow_core.http.accounts import SETTLED_AFTER_S, Accounts, Bill
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.observability import log_of

ANSWERS_WITHIN_S = 0.25
"""It takes a fraction of a millisecond, on a busy machine some dozens; no request waits longer for a limiter."""
ASK_AGAIN_AFTER_S = 1.0
MOST_AT_ONCE = 200
"""Requests in one round trip: Redis does nothing else meanwhile, for about a millisecond."""

# Keys: one a claim. Argument: for each request the number of its claims and the uses that have passed already (0
# for a request that asks, -1 for a use that is given back), then interval and burst of each, in microseconds and
# uses, all as one text: a client packs and reads that faster than a list. Redis's own clock, so that processes with
# clocks apart agree. Answers the wait of each request and each backlog, as one text, too. Numbers are whole and
# below 2^53, where a Lua number is exact; %.0f, because the plain conversion keeps 14 digits.
_SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local asked = {}
for each in string.gmatch(ARGV[1], '-?%d+') do
    asked[#asked + 1] = tonumber(each)
end
local answers, key, at = {}, 0, 1
while at <= #asked do
    local number, passed, wait, empty_at = asked[at], asked[at + 1], 0, {}
    for i = 1, number do
        local interval, burst = asked[at + 2 * i], asked[at + 2 * i + 1]
        empty_at[i] = math.max(now, tonumber(redis.call('GET', KEYS[key + i]) or now))
        wait = math.max(wait, empty_at[i] - now + interval * (1 - burst))
    end
    local answer = {string.format('%.0f', wait)}
    for i = 1, number do
        if wait <= 0 or passed ~= 0 then
            local uses = passed == 0 and 1 or passed
            empty_at[i] = math.max(now, empty_at[i] + asked[at + 2 * i] * uses)
            local backlog_ms = math.max(1, math.ceil((empty_at[i] - now) / 1000))
            local until_then = string.format('%.0f', empty_at[i])
            redis.call('SET', KEYS[key + i], until_then, 'PX', string.format('%.0f', backlog_ms))
        end
        answer[i + 1] = string.format('%.0f', empty_at[i] - now)
    end
    answers[#answers + 1] = table.concat(answer, ' ')
    key, at = key + number, at + 2 * number + 2
end
return table.concat(answers, ';')
"""

_log = log_of(__name__)


class RedisLimiter:
    """The port `RateLimiter`. Belongs to one event loop; connects on first use; `close()` it."""

    def __init__(
        self, url: str, *, namespace: str, width: int = 1, ask_again_after_s: float = ASK_AGAIN_AFTER_S
    ) -> None:
        """`namespace` keeps hosts apart that share a Redis; `width` makes every quota so many times as wide."""
        self._client: Redis = Redis.from_url(
            url,
            single_connection_client=True,  # one asks at a time
            socket_timeout=None,  # one deadline for all: the client's own would be a task for every command
            socket_connect_timeout=ANSWERS_WITHIN_S,
            retry=Retry(NoBackoff(), 1),  # over a new connection: the old one may have died unnoticed
        )
        self._script = self._client.register_script(_SPEND)
        self._prefix = f"{namespace}:rate"
        self._width = width
        self._alone = InProcessLimiter(width=width)
        self._accounts = Accounts()
        self._settling: asyncio.TimerHandle | None = None
        self._ask_again_after_s = ask_again_after_s
        self._away = False
        self._ask_again_at = 0.0
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None

    async def spend(self, *claims: Claim) -> Verdict:
        """Use each quota once, or none: on account, or by one round trip, shared with whoever asks meanwhile."""
        if self._away:
            if time.monotonic() < self._ask_again_at:
                return await self._alone.spend(*claims)
            self._ask_again_at = time.monotonic() + self._ask_again_after_s  # one request asks, the others go on
        wide = self._widened(claims)
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(SETTLED_AFTER_S, self._settle)
        on_account = self._accounts.spend(wide[0]) if len(wide) == 1 else None
        if on_account is not None:
            return on_account
        answer = await self._asked_for(wide)
        if answer is None:
            return await self._alone.spend(*claims)
        return Verdict.of(wide, *answer)

    def give_back(self, claim: Claim) -> None:
        """Take one use back, with the next round trip."""
        if self._away:
            self._alone.give_back(claim)
        else:
            self._ask([], _Asked(self._widened([claim]), -1, None))

    async def close(self) -> None:
        """Close every connection."""
        if self._settling is not None:
            self._settling.cancel()
        if self._asking is not None:
            self._asking.cancel()
        await self._client.aclose()

    def _widened(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        if self._width == 1:
            return claims
        return [Claim(claim.quota.widened(self._width), claim.subject) for claim in claims]

    def _settle(self) -> None:
        self._settling = None
        self._ask(self._accounts.bills())

    async def _asked_for(self, claims: Sequence[Claim]) -> _Answer | None:
        """What Redis says, once it has been told what these subjects have used already; None if it is away."""
        told: asyncio.Future[_Answer | None] = asyncio.get_running_loop().create_future()
        bills = [bill for claim in claims for bill in self._accounts.bill(claim)]
        self._ask(bills, _Asked(claims, 0, told))
        return await told

    def _ask(self, bills: Sequence[Bill], *asked: _Asked) -> None:
        self._waiting += [_Asked((claim,), uses, None) for claim, uses in bills]
        self._waiting += asked
        if self._waiting and self._asking is None:
            self._asking = asyncio.create_task(self._ask_for_all())

    async def _ask_for_all(self) -> None:
        together = list[_Asked]()
        try:
            while self._waiting:
                together, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                for asked, answer in zip(together, await self._answers(together), strict=True):
                    self._tell(asked, answer)
                if self._away:
                    break  # else everybody behind would wait for Redis once more
        finally:
            self._asking = None
            for asked in (*together, *self._waiting):  # whatever has happened, nobody waits for ever
                self._tell(asked, None)
            self._waiting = []

    def _tell(self, asked: _Asked, answer: bytes | None) -> None:
        heard = None
        if answer is not None:
            wait, *backlogs = map(int, answer.split())
            heard = wait, backlogs
            for claim, backlog in zip(asked.claims, backlogs, strict=True):
                self._accounts.hear(claim, backlog, max(0, asked.passed))
        if asked.told is not None and not asked.told.done():  # else its request has been given up
            asked.told.set_result(heard)

    async def _answers(self, together: Sequence[_Asked]) -> Sequence[bytes | None]:
        """What Redis says of each; None if it is away."""
        keys, asked = list[str](), list[str]()
        for claims, passed, _ in together:
            asked.append(f"{len(claims)} {passed}")
            for quota, subject in claims:
                keys.append(f"{self._prefix}:{quota.name}:{subject}")
                asked.append(f"{quota.interval_us} {quota.burst}")
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                answers: bytes = await self._script(keys=keys, args=[" ".join(asked)])
        except (RedisError, OSError) as error:
            self._lose(error)
            return [None] * len(together)
        self._find()
        return answers.split(b";")

    def _lose(self, error: Exception) -> None:
        self._accounts.forget()
        self._ask_again_at = time.monotonic() + self._ask_again_after_s
        if not self._away:
            self._away = True
            _log.warning("rate_limiter_alone", error=type(error).__name__)

    def _find(self) -> None:
        if self._away:
            self._away = False
            _log.info("rate_limiter_shared")


_Answer = tuple[int, Sequence[int]]
"""The longest wait and the backlogs, in microseconds."""


class _Asked(NamedTuple):
    """What one request wants to spend and where it waits for the answer, or what has been spent on account."""

    claims: Sequence[Claim]
    passed: int
    """Uses that have passed on account; 0 for one that asks, -1 for one that is given back."""
    told: asyncio.Future[_Answer | None] | None
