"""Whom one key or token speaks for, asked of the host that knows, and remembered for a moment.

However many requests come with it, one of them asks for all. What was never good here is counted by network before
anybody is asked, and only so much of it is asked about at a time: guessing here costs the other host little.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Claim, Quota, RateLimiter
from hedgerow_core.security import BELIEVED_FOR_S, IdentityUnknown, KeyFinder, Principal
from hedgerow_core.security.tokens import MAX_TOKEN_BYTES

CONFIRMED_FOR_S = 0.3
"""Since the question was put. Its home may remember for another half a second: together less than a second."""
REFUSED_FOR_S = 1.0
MOST_REMEMBERED = 10_000
"""About 10 MB of each kind. Beyond it the one that was quiet for longest is forgotten."""
MOST_STRANGERS_AT_ONCE = 16
"""Questions about what was never good here that may be under way at the same time. Others wait for their turn."""
WAITS_S = 1.0
"""For its turn. A host that has just started meets all its callers as strangers, and they are through by then."""
FIRST_LOOKS = Quota(name="identity.first_look", limit=60, period=timedelta(minutes=1), burst=60)
"""From one network, at keys that were not good here before; as many as their home allows (ADR 0019)."""


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    asked_at: float


@final
class Confirmations:
    """Finds principals by what they show (`KeyFinder`). Belongs to one event loop."""

    def __init__(
        self,
        ask: KeyFinder,
        *,
        limiter: RateLimiter | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ask` asks the other host. Without a `limiter`, whoever asks has made sure that nobody guesses."""
        self._ask = ask
        self._limiter = limiter
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Principal | None]] = {}
        self._turns = asyncio.Semaphore(MOST_STRANGERS_AT_ONCE)

    async def find(self, credential: str, network: str) -> Principal | None:
        """Whom it speaks for; None if for nobody, or nobody any more.

        Raises:
            RateLimitError: too much that was never good came from this network.
            UnavailableError: its home can't be asked, or is asked about too much at once.
            DomainError: its home says why it speaks for nobody.
        """
        name = _name_of(credential)
        if name is None:
            return None
        now = self._monotonic()
        known = self._known.get(name)
        if known is not None and now - known.asked_at <= CONFIRMED_FOR_S:
            return known.principal
        if now - self._refused.get(name, float("-inf")) <= REFUSED_FOR_S:
            return None
        if name not in self._asking:
            if known is None and self._limiter is not None:
                (await self._limiter.spend(Claim(FIRST_LOOKS, network))).demand()
            if name not in self._asking:
                self._begin(name, credential, network, is_stranger=known is None)
        return await asyncio.shield(self._asking[name])  # who goes away must not take the answer along

    def recall(self, credential: str) -> Principal | None:
        """Whom it spoke for at most five seconds ago (`KeyRecall`)."""
        name = _name_of(credential)
        known = self._known.get(name) if name is not None else None
        if known is None or self._monotonic() - known.asked_at > BELIEVED_FOR_S:
            return None
        return known.principal

    async def close(self) -> None:
        """Wait for no answer any more."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    def _begin(self, name: bytes, credential: str, network: str, *, is_stranger: bool) -> None:
        ask = self._asked_in_turn if is_stranger else self._asked
        asking = self._asking[name] = asyncio.create_task(ask(name, credential, network))

        def ended(task: asyncio.Task[Principal | None]) -> None:
            del self._asking[name]
            if not task.cancelled():
                task.exception()  # nobody may be left who wants to hear it

        asking.add_done_callback(ended)

    async def _asked_in_turn(self, name: bytes, credential: str, network: str) -> Principal | None:
        try:
            async with asyncio.timeout(WAITS_S):
                await self._turns.acquire()
        except TimeoutError:
            raise IdentityUnknown from None
        try:
            return await self._asked(name, credential, network)
        finally:
            self._turns.release()

    async def _asked(self, name: bytes, credential: str, network: str) -> Principal | None:
        asked_at = self._monotonic()
        principal = await self._ask(credential, network)
        if principal is None:
            self._known.pop(name, None)
            self._refused[name] = asked_at
            _forget_beyond(self._refused)
            return None
        self._known[name] = _Known(principal, asked_at)
        self._known.move_to_end(name)
        _forget_beyond(self._known)
        return principal


def _name_of(credential: str) -> bytes | None:
    """What it is remembered by, instead of itself; None if it can be nothing that anybody has given out."""
    try:
        written = credential.encode()
    except UnicodeEncodeError:
        return None
    return hashlib.sha256(written).digest() if len(written) <= MAX_TOKEN_BYTES else None


def _forget_beyond(remembered: OrderedDict[bytes, _Known] | OrderedDict[bytes, float]) -> None:
    while len(remembered) > MOST_REMEMBERED:
        remembered.popitem(last=False)
