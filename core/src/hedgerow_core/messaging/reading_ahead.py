"""Asks a publisher in another host for what comes next, while what came before is being committed.

It moves nothing and knows no database: whoever takes a round commits it, or throws it away and has the reader begin
again where the cursors really are.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import final

from hedgerow_core.domain import DomainError
from hedgerow_core.messaging.consumers import Subscription
from hedgerow_core.messaging.feed_pages import UNKNOWN_CLUSTER, NoPageError, Page, PageRequest, Position, read
from hedgerow_core.messaging.remote_cursors import Led, Place, Places
from hedgerow_core.observability import log_of

WAIT_S = 5.0
"""How long the publisher may hold a request back while there is nothing: shorter than a host's grace at its end."""
ANSWERS_WITHIN_S = 30.0
"""Beyond that. What is slower counts as away: to look through a large outbox for a few rare events takes time."""
REPORT_EVERY_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3.0
"""Between attempts to reach a publisher that is away: doubling, and spread so that crowds disperse."""

_log = log_of(__name__)

Ask = Callable[[bytes, timedelta], Awaitable[bytes]]
"""`await ask(request, within)` brings a `PageRequest` to the publisher, and its page back.

Raises an UnavailableError if there is no way to it, and another DomainError if it refuses.
"""


@final
@dataclass(frozen=True)
class Reading:
    """What the publisher answered to those who were at one place."""

    names: tuple[str, ...]
    before: Place
    page: Page

    @property
    def restarts(self) -> bool:
        """The publisher's events lie in another cluster now."""
        known = self.before.cluster not in (UNKNOWN_CLUSTER, self.page.head.cluster)
        return known and self.page.head.window is None

    @property
    def after(self) -> Place:
        """Where they are once this is committed."""
        if self.restarts:
            return self.before.in_another(self.page.head.cluster)
        return self.before.behind(self.page.head)

    @property
    def staying(self) -> tuple[str, ...]:
        """Those who have missed nothing."""
        return tuple(name for name in self.names if name not in self.page.head.expired)


@final
@dataclass(frozen=True)
class Round:
    """One answer for each place at which cursors are: committed together, or not at all."""

    before: Places
    readings: tuple[Reading, ...]

    @cached_property
    def after(self) -> Places:
        """Where all of them are then."""
        reached: dict[Place, list[str]] = {}
        for reading in self.readings:
            if reading.staying:
                reached.setdefault(reading.after, []).extend(reading.staying)
        return {place: tuple(sorted(names)) for place, names in reached.items()}

    @property
    def goes_on(self) -> bool:
        """Whether there is surely more at once."""
        heads = [reading.page.head for reading in self.readings]
        return any(head.more or head.window is None for head in heads)


@final
class ReadingAhead:
    """Reads on in a task of its own, up to one round further than the one that waits to be committed."""

    def __init__(
        self,
        ask: Ask,
        publisher: str,
        subscriptions: Mapping[str, Subscription],
        *,
        arrived: Callable[[], None],
    ) -> None:
        self._ask = ask
        self._publisher = publisher
        self._subscriptions = subscriptions
        self._arrived = arrived
        self._task: asyncio.Task[None] | None = None
        self._round: Round | None = None
        self._free = asyncio.Event()
        self._hurried = asyncio.Event()
        self._report_at = 0.0
        self._failures = 0
        self._away_since: float | None = None
        self._led = Led({}, {})
        self.committed: Places = {}
        """Where the cursors are in the ledger. What was only read may still be lost, and is not reported."""

    @property
    def round(self) -> Round | None:
        """What is next to be committed."""
        return self._round

    def done(self) -> None:
        """The round is committed: it may make room for the next one."""
        if self._round is not None:
            self.committed, self._round = self._round.after, None
            self._free.set()
            self._failures = 0
            self._note_back()

    async def begin(self, led: Led) -> None:
        """Forget what was read, and read on from where these cursors are."""
        await self.stop()
        self.committed, self._led = led.places, led
        self._report_at = 0.0
        self._free.set()
        if led.places:
            self._task = asyncio.create_task(self._read_on(led.places))

    async def stop(self) -> None:
        """End what is under way."""
        task, self._task, self._round = self._task, None, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def hurry(self) -> None:
        """Don't pause any longer after a failure."""
        self._hurried.set()

    async def read(self, led: Led) -> Round:
        """What comes next for these, without waiting until there is something."""
        self.committed, self._led = led.places, led
        return await self._read(led.places, wait_s=0.0)

    def fail(self, why: str) -> None:
        """It was no good: say so once, and wait longer each time before the next attempt."""
        self._failures += 1
        if self._away_since is None:
            self._away_since = time.monotonic()
            _log.warning("feed_away", publisher=self._publisher, reason=why)

    def _note_back(self) -> None:
        if self._away_since is not None:
            away_s = round(time.monotonic() - self._away_since, 1)
            self._away_since = None
            _log.info("feed_back", publisher=self._publisher, away_s=away_s)

    async def _read_on(self, places: Places) -> None:
        while places:
            found = await self._patiently(places)
            await self._free.wait()
            self._free.clear()
            self._round = found
            self._arrived()
            places = found.after

    async def _patiently(self, places: Places) -> Round:
        while True:
            if self._failures:
                self._hurried.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurried.wait(), _pause(self._failures))
            try:
                # Whether a host is back is told at once by one that has nothing, too.
                patient = len(places) == 1 and not self._failures
                return await self._read(places, wait_s=WAIT_S if patient else 0.0)
            except (DomainError, NoPageError) as error:
                self.fail(str(error))
            except Exception as error:
                _log.exception("feed_failed", publisher=self._publisher)
                self.fail(type(error).__name__)

    async def _read(self, places: Places, *, wait_s: float) -> Round:
        """One answer for each place. Those that are apart, and in no window yet, get the same one, and so meet."""
        readings: list[Reading] = []
        window: str | None = None
        reports = time.monotonic() >= self._report_at
        for place, names in places.items():
            request = PageRequest(
                cluster=place.cluster,
                snapshot=place.snapshot,
                target=place.target or window,
                after=place.after,
                since=self._led.earliest(names),
                wanted=self._wanted(names),
                passed=self._passed(place.cluster, names) if reports else (),
                wait_s=wait_s,
            )
            within = timedelta(seconds=wait_s + ANSWERS_WITHIN_S)
            answer = await self._ask(request.model_dump_json().encode(), within)
            readings.append(Reading(names, place, read(answer)))
            if place.target is None:
                window = window or readings[-1].page.head.window
        if reports:
            self._report_at = time.monotonic() + REPORT_EVERY_S
        return Round(places, tuple(readings))

    def _passed(self, cluster: int, names: tuple[str, ...]) -> tuple[Position, ...]:
        """What these have committed in this cluster."""
        here = {
            place.snapshot: tuple(name for name in committed if name in names)
            for place, committed in self.committed.items()
            if place.cluster == cluster
        }
        return tuple(
            Position(snapshot=snapshot, subscriptions=passed) for snapshot, passed in here.items() if passed
        )

    def _wanted(self, names: tuple[str, ...]) -> dict[str, int]:
        oldest: dict[str, int] = {}
        for wanted in (self._subscriptions[name] for name in names):
            oldest[wanted.event] = min(wanted.oldest_version, oldest.get(wanted.event, wanted.oldest_version))
        return oldest


def _pause(failures: int) -> float:
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load only
