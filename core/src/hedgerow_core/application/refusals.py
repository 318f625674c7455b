"""How many refusals are written down: a flood of them must not fill the disk.

Whether one is written depends on how many there were before, and on nothing that the refused command was about: the
time of an answer must not tell one account from another.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

PER_ACTOR, PER_PROCESS = 20, 300
"""A minute. Enough to see what is tried; 300 lines a minute are some 100 MB a day in the worst case."""
_MINUTE_S = 60.0


class RefusalBudget:
    """Counts the refusals of this process, by the minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = 0.0
        self._of: Counter[str] = Counter()
        self._total = 0
        self._passed_over = 0

    def spend(self, actor: str) -> int | None:
        """Take one. The number that were passed over since the last one, or None if this one has to be, too."""
        now = self._clock()
        if now >= self._ends_at:
            self._ends_at, self._total = now + _MINUTE_S, 0
            self._of.clear()
        if self._total >= PER_PROCESS or self._of[actor] >= PER_ACTOR:
            self._passed_over += 1
            return None
        self._total += 1
        self._of[actor] += 1
        passed_over, self._passed_over = self._passed_over, 0
        return passed_over
