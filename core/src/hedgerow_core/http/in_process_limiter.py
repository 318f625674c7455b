"""Counts the uses of quotas in this process alone: without Redis, and while Redis is away."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from hedgerow_core.application import Claim, Verdict

MOST_SUBJECTS = 50_000
"""About 10 MB. Beyond it the one that was quiet for longest is forgotten: a flood of new ones can't fill memory."""


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class InProcessLimiter:
    """The port `RateLimiter`. `width` makes every quota so many times as wide."""

    def __init__(
        self, *, width: int = 1, most_subjects: int = MOST_SUBJECTS, now_us: Callable[[], int] = _monotonic_us
    ) -> None:
        self._width = width
        self._most = most_subjects
        self._now_us = now_us
        self._empty_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def spend(self, *claims: Claim) -> Verdict:
        """Use each quota once, or none. Has no await in it, so nothing comes in between."""
        claims = tuple(Claim(claim.quota.widened(self._width), claim.subject) for claim in claims)
        now = self._now_us()
        keys = [(claim.quota.name, claim.subject) for claim in claims]
        empty_at = [max(now, self._empty_at.get(key, now)) for key in keys]
        wait = max(
            (
                at - now + claim.quota.interval_us * (1 - claim.quota.burst)
                for claim, at in zip(claims, empty_at, strict=True)
            ),
            default=0,
        )
        if wait <= 0:
            empty_at = [at + claim.quota.interval_us for claim, at in zip(claims, empty_at, strict=True)]
            self._remember(keys, empty_at)
        return Verdict.of(claims, wait, [at - now for at in empty_at])

    def give_back(self, claim: Claim) -> None:
        """Take one use back."""
        key = (claim.quota.name, claim.subject)
        if key in self._empty_at:
            self._empty_at[key] -= claim.quota.widened(self._width).interval_us

    def _remember(self, keys: list[tuple[str, str]], empty_at: list[int]) -> None:
        for key, at in zip(keys, empty_at, strict=True):
            self._empty_at[key] = at
            self._empty_at.move_to_end(key)
        while len(self._empty_at) > self._most:
            self._empty_at.popitem(last=False)
