"""Looks at the ledgers every few seconds, and remembers what it saw for `/readyz`, for Prometheus and for the log.

Nobody who asks waits for the database: they get the last look. An alarm is for people. It makes neither liveness
nor readiness fail, because no restart would help.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

from prometheus_client.core import GaugeMetricFamily

from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging.health import Alarm, Matter, SubscriptionHealth, alarms, look, overdue
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import (
    ALARM,
    DELIVERIES,
    EXPIRED_LEASES,
    LEDGER_UP,
    OLDEST_PENDING,
    PAUSED,
    REGISTRY,
    RELAY_LAG,
    SCHEDULE_OVERDUE,
)
from hedgerow_host.assembly import Assembly
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.standing import telling_of_contexts

LOOK_EVERY_S = 5.0
LOOK_WITHIN_S = 10.0
"""A look takes 40 ms over a backlog of a million. A database that needs longer than this has no time for us."""
FORGET_AFTER_S = 30.0
"""A number that is older is not told any more: a gauge that stands still looks like a healthy one."""
STALE_AFTER_S = 60.0

_log = log_of(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the ledger of one context."""

    at: float
    subscriptions: Sequence[SubscriptionHealth]
    alarms: Sequence[Alarm]
    overdue_s: Mapping[str, float]
    """By schedule."""


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """Watches the ledgers of all contexts of this process. It is also a Prometheus collector."""

    assembly: Assembly
    stale_after_s: float = STALE_AFTER_S
    _seen: dict[str, Seen] = field(default_factory=dict, init=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look while the body runs."""
        looking = [asyncio.create_task(self._look_on_and_on(context)) for context in self.assembly.contexts]
        REGISTRY.register(self)
        try:
            with telling_of_contexts(self.assembly):
                yield
        finally:
            REGISTRY.unregister(self)
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)

    def alarms(self) -> list[dict[str, object]]:
        """What somebody should look at, as far as known; where the ledger can't be read now, what was last seen."""
        return [
            {"context": context, **{name: value for name, value in asdict(alarm).items() if value is not None}}
            for context, seen in self._seen.items()
            for alarm in seen.alarms
        ]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What Prometheus gets. Called from the thread that serves metrics."""
        fresh_from = time.monotonic() - FORGET_AFTER_S
        fresh = {name: seen for name, seen in dict(self._seen).items() if seen.at > fresh_from}
        up = LEDGER_UP.family()
        for name in self.assembly.names:
            up.add_metric([name], float(name in fresh))
        yield up
        yield from _numbers_of(fresh)
        yield _overdue_in(fresh)
        yield _alarms_of(fresh)

    async def _look_on_and_on(self, context: HostedContext) -> None:
        while True:
            try:
                await self._look(context)
            except (UnavailableError, TimeoutError):
                pass  # Readiness, `hedgerow_ledger_up` and the dispatcher say so already.
            except Exception:
                _log.exception("watch_failed", context=context.name)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, context: HostedContext) -> None:
        publishers = context.publishers - self.assembly.peers.keys()
        async with asyncio.timeout(LOOK_WITHIN_S), context.database.reading() as connection:
            stands = await look(connection, context.consumers, publishers=publishers)
            overdue_s = await overdue(connection, [schedule.name for schedule in context.handlers.schedules])
        before = self._seen.get(context.name)
        ringing = list(alarms(stands, stale_after_s=self.stale_after_s))
        seen = Seen(time.monotonic(), stands, ringing, overdue_s)
        self._seen[context.name] = seen
        _tell(context.name, before.alarms if before else (), seen.alarms)


def _tell(context: str, before: Sequence[Alarm], now: Sequence[Alarm]) -> None:
    """One line when an alarm starts, and one when it ends."""
    known = {(alarm.subscription, alarm.what) for alarm in before}
    lasting = {(alarm.subscription, alarm.what) for alarm in now}
    for alarm in now:
        if (alarm.subscription, alarm.what) not in known:
            facts = {name: value for name, value in asdict(alarm).items() if value is not None}
            _log.warning("alarm_started", context=context, **facts)
    for alarm in before:
        if (alarm.subscription, alarm.what) not in lasting:
            _log.info("alarm_ended", context=context, subscription=alarm.subscription, what=alarm.what)


def _numbers_of(looks: dict[str, Seen]) -> Iterator[GaugeMetricFamily]:
    deliveries, oldest = DELIVERIES.family(), OLDEST_PENDING.family()
    leases, lag, paused = EXPIRED_LEASES.family(), RELAY_LAG.family(), PAUSED.family()
    for context, stand in _subscriptions_in(looks):
        for state in ("pending", "retry", "dead", "parked"):
            deliveries.add_metric([context, stand.subscription, state], getattr(stand, state))
        oldest.add_metric([context, stand.subscription], stand.oldest_pending_s)
        leases.add_metric([context, stand.subscription], stand.expired_leases)
        paused.add_metric([context, stand.subscription], float(stand.paused))
        if stand.publisher is not None:
            lag.add_metric([context, stand.subscription, stand.publisher], stand.relay_lag_s or 0.0)
    yield from (deliveries, oldest, leases, lag, paused)


def _overdue_in(looks: dict[str, Seen]) -> GaugeMetricFamily:
    family = SCHEDULE_OVERDUE.family()
    for context, seen in looks.items():
        for schedule, overdue_s in seen.overdue_s.items():
            family.add_metric([context, schedule], overdue_s)
    return family


def _alarms_of(looks: dict[str, Seen]) -> GaugeMetricFamily:
    family = ALARM.family()
    ringing = {(name, alarm.subscription, alarm.what) for name, seen in looks.items() for alarm in seen.alarms}
    for context, stand in _subscriptions_in(looks):
        for what in Matter:
            family.add_metric(
                [context, stand.subscription, what], float((context, stand.subscription, what) in ringing)
            )
    return family


def _subscriptions_in(looks: dict[str, Seen]) -> Iterator[tuple[str, SubscriptionHealth]]:
    return ((context, stand) for context, seen in looks.items() for stand in seen.subscriptions)
