"""Every number that Hedgerow offers to Prometheus. Labels are names of contexts and subscriptions, never ids.

What this process does is counted as it happens. How the ledger stands is told by `LEDGER_GAUGES`, from the last
look at the database (`hedgerow_core.messaging.health`).
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

REGISTRY = CollectorRegistry()
"""Our own: what libraries add to the default one is not ours to promise."""

BY_CONTEXT = ("context",)
BY_SUBSCRIPTION = ("context", "subscription")
BY_QUESTION = ("context", "query", "outcome")

HANDLER_SECONDS = Histogram(
    "hedgerow_handler_duration_seconds",
    "How long handlers ran, successful or not; of a delivery that is handled alone, also its commit.",
    BY_SUBSCRIPTION,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
"""Up to the deadline of a handler (60 s)."""
EFFECTS = Counter(
    "hedgerow_effects",
    "Deliveries that took effect.",
    BY_SUBSCRIPTION,
    registry=REGISTRY,
)
ATTEMPTS_FAILED = Counter(
    "hedgerow_attempts_failed",
    "Attempts that failed.",
    BY_SUBSCRIPTION,
    registry=REGISTRY,
)
CROSSED_TRANSACTIONS = Counter(
    "hedgerow_crossed_transactions",
    "Transactions of a context that were begun inside one of another context.",
    ("context", "other"),
    registry=REGISTRY,
)
REFUSED_STATEMENTS = Counter(
    "hedgerow_refused_statements",
    "Statements of a context that PostgreSQL refused, because its role may not.",
    BY_CONTEXT,
    registry=REGISTRY,
)
HINTS_SENT = Counter(
    "hedgerow_hints_sent",
    "Hints sent to workers.",
    BY_CONTEXT,
    registry=REGISTRY,
)
QUESTION_SECONDS = Histogram(
    "hedgerow_question_duration_seconds",
    (
        "How long a context waited for what it asked another one; `outcome` is answered, refused (a rule of "
        "the other context), late or failed."
    ),
    BY_QUESTION,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
REMOTE_CUT_OFF = Gauge(
    "hedgerow_remote_cut_off",
    "1 while this process leaves the host of a remote context alone, because it has failed five times running.",
    BY_CONTEXT,
    registry=REGISTRY,
)
IDENTITY_AGE = Gauge(
    "hedgerow_identity_age_seconds",
    (
        "How long ago the host of a remote context has said whom to believe; of `api` alone. Beyond 5, nobody"
        " is for whom it vouches."
    ),
    BY_CONTEXT,
    registry=REGISTRY,
)


@dataclass(frozen=True, slots=True)
class LedgerGauge:
    """A number that is read from the ledger."""

    name: str
    meaning: str
    labels: tuple[str, ...]

    def family(self) -> GaugeMetricFamily:
        """An empty one, to be filled for one scrape."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels)


LEDGER_UP = LedgerGauge(
    "hedgerow_ledger_up",
    "1 if the ledger could be read within the last 30 s; while it is 0, what gauges tell of it is left out.",
    BY_CONTEXT,
)
DELIVERIES = LedgerGauge(
    "hedgerow_deliveries",
    (
        "Deliveries that are not done; `state` is `pending` (or being worked on), `retry`, `dead` (not "
        "skipped) or `parked`. Counted up to 10,000."
    ),
    (*BY_SUBSCRIPTION, "state"),
)
OLDEST_PENDING = LedgerGauge(
    "hedgerow_oldest_pending_age_seconds",
    "For how long the oldest delivery that is not done has been due.",
    BY_SUBSCRIPTION,
)
EXPIRED_LEASES = LedgerGauge(
    "hedgerow_expired_leases",
    "Partitions whose holder went silent and that nobody has taken over yet.",
    BY_SUBSCRIPTION,
)
RELAY_LAG = LedgerGauge(
    "hedgerow_relay_lag_seconds",
    (
        "Age of the oldest event of the publisher, of any type, that the subscription's relay has not passed;"
        " of a publisher on another host: of what waits behind the last page, or how long it has been silent,"
        " from 20 s on."
    ),
    (*BY_SUBSCRIPTION, "publisher"),
)
ALARM = LedgerGauge(
    "hedgerow_alarm", "1 while somebody should look, else 0; `what` is the alarm.", (*BY_SUBSCRIPTION, "what")
)

LEDGER_GAUGES = (LEDGER_UP, DELIVERIES, OLDEST_PENDING, EXPIRED_LEASES, RELAY_LAG, ALARM)
