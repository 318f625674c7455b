"""Who may run now, who waits for a moment, and who is turned away: one count and one line for a process.

A process that takes everything slows down until nobody is answered in time. Nothing here knows how somebody is
answered: whoever waits leaves word how to tell.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import final

from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import REQUESTS, REQUESTS_SHED

WAIT_S = 0.8
"""As long as for a connection of the pool: a burst is served, and who is turned away hears so within 1.2 s."""
SWEEP_EVERY_S = 0.05
TOGETHER_WITHIN_S = 0.01
"""For so long a free place waits for others, so that those in line begin together: requests that do the same at the
same time share the processor's caches, and take some 7% less of it (ADR 0041)."""
IN_LINE_PER_PLACE = 20
"""As many wait at most: a waiting request is some 5 kB. Whoever comes then is turned away at once."""
CALM_AFTER_S = 5.0
"""So long after the last one was turned away, an overload is over, for the log."""
PROBES = frozenset({"/livez", "/readyz"})
"""An orchestrator that hears nothing would restart what is busy. As they come all the time, nobody logs them."""
HELD_OPEN_BELOW = "/_feed/"
"""Other hosts wait here for what is next, which costs nothing."""

Waiting = Callable[[bool], None]
"""Told once whether a place came free, which is taken then, or the time is up. It must not raise."""

_log = log_of(__name__)


def is_exempt(path: str) -> bool:
    """Whether requests there neither wait nor count."""
    return path in PROBES or path.startswith(HELD_OPEN_BELOW)


@final
class Admission:
    """Lets `at_once` run, and twenty times as many wait, for `wait_s` seconds at most.

    The oldest goes first, as long as all get their turn; in a flood, when somebody has waited for half of that, the
    newest does: others would all be served too late. Those in line are let in several at a time: when half of all
    places are free, or the first of them has been for 10 ms.
    """

    def __init__(self, *, at_once: int, wait_s: float = WAIT_S, calm_after_s: float = CALM_AFTER_S) -> None:
        self._at_once = at_once
        self._wait_s = wait_s
        self._calm_after_s = calm_after_s
        self._running = 0
        self._line: OrderedDict[Waiting, float] = OrderedDict()
        """Who waits, the newest last, and until when. A dict finds its oldest by passing all that have left."""
        self._sweeping = False
        self._filling = False
        self._letting_in = False
        self._shed = 0
        self._calm_at = 0.0
        REQUESTS.labels("running").set_function(lambda: self._running)
        REQUESTS.labels("in_line").set_function(lambda: len(self._line))

    @property
    def is_full(self) -> bool:
        """Whether no place is free for who comes now."""
        return self._running >= self._at_once or bool(self._line)

    def enter(self) -> bool:
        """Take a place, if one is free."""
        if self.is_full:
            return False
        self._running += 1
        return True

    def wait(self, waiting: Waiting) -> bool:
        """Stand in line. False if it is full."""
        if len(self._line) >= self._at_once * IN_LINE_PER_PLACE:
            return False
        self._line[waiting] = monotonic() + self._wait_s
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(SWEEP_EVERY_S, self._sweep)
        return True

    def give_up(self, waiting: Waiting) -> None:
        """Leave the line, if still there, and hear nothing."""
        self._line.pop(waiting, None)

    def leave(self) -> None:
        """Give a place back, for somebody in line."""
        self._running -= 1
        if not self._line or self._letting_in:  # whoever was let in just now, and needs no place: that goes on
            return
        if self._running <= self._at_once // 2:
            self._fill()
        elif not self._filling and self._running < self._at_once:
            self._filling = True
            asyncio.get_running_loop().call_later(TOGETHER_WITHIN_S, self._fill_in_time)

    def come_back(self) -> None:
        """Go on after a pause for which the place was given back. Nobody waits in the middle of an answer."""
        self._running += 1

    def count_refused(self) -> None:
        """Say once that it begins, and once that it is over: a line for each of them would be load, too."""
        REQUESTS_SHED.inc()
        self._calm_at = monotonic() + self._calm_after_s
        if not self._shed:
            _log.warning("overload_began", at_once=self._at_once, in_line=len(self._line))
            asyncio.get_running_loop().call_later(self._calm_after_s, self._look_whether_calm)
        self._shed += 1

    def _fill_in_time(self) -> None:
        self._filling = False
        self._fill()

    def _fill(self) -> None:
        self._letting_in = True
        try:
            while self._line and self._running < self._at_once:
                self._running += 1
                self._following()(True)
        finally:
            self._letting_in = False

    def _following(self) -> Waiting:
        oldest, until = next(iter(self._line.items()))
        if monotonic() < until - self._wait_s / 2:
            del self._line[oldest]
            return oldest
        return self._line.popitem()[0]

    def _sweep(self) -> None:
        """Turn away whose time is up, the oldest first."""
        now = monotonic()
        try:
            while self._line:
                oldest, until = next(iter(self._line.items()))
                if until > now:
                    break
                del self._line[oldest]
                oldest(False)
        finally:  # a line that nobody sweeps any more would let everybody wait for ever
            self._sweeping = bool(self._line)
            if self._sweeping:
                asyncio.get_running_loop().call_later(SWEEP_EVERY_S, self._sweep)

    def _look_whether_calm(self) -> None:
        left_s = self._calm_at - monotonic()
        if left_s > 0:
            asyncio.get_running_loop().call_later(left_s, self._look_whether_calm)
            return
        _log.info("overload_ended", shed=self._shed)
        self._shed = 0
