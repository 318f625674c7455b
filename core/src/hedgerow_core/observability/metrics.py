"""Every number that Hedgerow offers to Prometheus. What a label may hold is said in `labels.py`; never an id.

What this process does is counted as it happens. How the ledger stands is told by `LEDGER_GAUGES`, from the last
look at the database (`hedgerow_core.messaging.health`). Reference, dashboards and alerts are made from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from hedgerow_core.observability.tallies import Tally

REGISTRY = CollectorRegistry()
"""Our own: what libraries add to the default one is not ours to promise."""

BY_CONTEXT = ("context",)
BY_SUBSCRIPTION = ("context", "subscription")
BY_QUESTION = ("context", "query", "outcome")
BY_SCHEDULE = ("context", "schedule")

HTTP_SECONDS = Tally(
    "hedgerow_http_request_duration_seconds",
    "How long requests took; `route` is the template, as in `/v1/billing/invoices/{invoice_id}`, `none` where "
    "there is nothing; `status` is 0 if the caller was gone before the answer; `method` is `other` if it made one "
    "up. Of those that the log names as `request`.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    unit="seconds",
    registry=REGISTRY,
)
GRPC_SECONDS = Tally(
    "hedgerow_grpc_call_duration_seconds",
    "How long calls over gRPC took; `call` is service and method, `code` the status. Of those that the log names "
    "as `call`: methods that nobody serves are not among them.",
    ("call", "code"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    unit="seconds",
    registry=REGISTRY,
)
HANDLER_SECONDS = Histogram(
    "hedgerow_handler_duration_seconds",
    "How long handlers ran, successful or not; of a delivery that is handled alone, also its commit.",
    BY_SUBSCRIPTION,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    unit="seconds",
    registry=REGISTRY,
)
"""Up to the deadline of a handler (60 s)."""
TASK_CALL_SECONDS = Histogram(
    "hedgerow_task_call_duration_seconds",
    "How long a task's call to the world outside took, as to a payment gateway or a mail server; `outcome` is "
    "answered (also with a no), failed, or late: broken off at the deadline of its handler.",
    (*BY_SUBSCRIPTION, "outcome"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    unit="seconds",
    registry=REGISTRY,
)
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
    unit="seconds",
    registry=REGISTRY,
)
SCHEDULE_TICKS = Counter(
    "hedgerow_schedule_ticks",
    "Ticks of a schedule that made a task.",
    BY_SCHEDULE,
    registry=REGISTRY,
)
SCHEDULE_TICKS_LATE = Counter(
    "hedgerow_schedule_ticks_late",
    "Ticks of a schedule that were noticed more than a minute late, because no worker ran; its catch-up policy "
    "says what became of them. At most 1,000 at once.",
    BY_SCHEDULE,
    registry=REGISTRY,
)
POOL_SIZE = Gauge(
    "hedgerow_pool_size",
    "Connections to PostgreSQL that a context may hold in this process.",
    BY_CONTEXT,
    registry=REGISTRY,
)
POOL_IN_USE = Gauge(
    "hedgerow_pool_in_use", "Connections to PostgreSQL that somebody works with.", BY_CONTEXT, registry=REGISTRY
)
POOL_WAITING = Gauge(
    "hedgerow_pool_waiting",
    "How many wait for a connection to PostgreSQL: to come free, or to be opened.",
    BY_CONTEXT,
    registry=REGISTRY,
)
POOL_TURNED_AWAY = Counter(
    "hedgerow_pool_turned_away",
    "How many waited for a connection to PostgreSQL, and got none in time: `database_busy`.",
    BY_CONTEXT,
    registry=REGISTRY,
)
DISPATCHER_WAITS = Gauge(
    "hedgerow_dispatcher_waits",
    "1 while the worker of a context can't go on, because its database or the broker is away.",
    BY_CONTEXT,
    registry=REGISTRY,
)
QUARANTINED = Gauge(
    "hedgerow_quarantined",
    "1 while this process does without an optional context, because it is broken.",
    BY_CONTEXT,
    registry=REGISTRY,
)
BROKEN = Gauge(
    "hedgerow_broken",
    "1 after something that a required context does in the background has died; it goes on with what is left.",
    BY_CONTEXT,
    registry=REGISTRY,
)
REQUESTS = Gauge(
    "hedgerow_requests",
    "Requests that this process serves right now (running), or that wait until it does (in_line).",
    ("state",),
    registry=REGISTRY,
)
REQUESTS_SHED = Counter(
    "hedgerow_requests_shed",
    "Requests that were turned away, because more had come than can be served.",
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
    unit="seconds",
    registry=REGISTRY,
)
OUTBOUND_SECONDS = Histogram(
    "hedgerow_outbound_duration_seconds",
    "How long calls of servers that are not ours took, each try: answered, refused, failed or left_alone.",
    ("server", "outcome"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30),
    unit="seconds",
    registry=REGISTRY,
)
OUTBOUND_REPEATED = Counter(
    "hedgerow_outbound_repeated",
    "Calls of such servers that were made again, because a try had failed.",
    ("server",),
    registry=REGISTRY,
)
OUTBOUND_CUT_OFF = Gauge(
    "hedgerow_outbound_cut_off",
    "1 while this process leaves such a server alone, because it has failed several times running.",
    ("server",),
    registry=REGISTRY,
)
REPLICA_READS = Counter(
    "hedgerow_replica_reads",
    "Reads that a replica might have answered: it has (replica), it was behind (primary), or it failed (failed).",
    ("context", "outcome"),
    registry=REGISTRY,
)
REPLICA_LAG = Gauge(
    "hedgerow_replica_lag_seconds",
    "For how long the replica has not replayed what the primary has written; as of the last look.",
    unit="seconds",
    registry=REGISTRY,
)
REPLICA_USABLE = Gauge(
    "hedgerow_replica_usable",
    "1 while the replica answers: it is there, of this primary, and at most five seconds behind.",
    registry=REGISTRY,
)
CACHE_READS = Counter(
    "hedgerow_cache_reads",
    "Answers that a context wanted of its cache: hit, loaded, joined (somebody loads), held (a change) or away.",
    ("context", "cache", "outcome"),
    registry=REGISTRY,
)
CACHE_UNCLEARED = Counter(
    "hedgerow_cache_uncleared",
    "Changes after which an answer could not be cleared: an old one may be found until its time is over.",
    ("context", "cache"),
    registry=REGISTRY,
)


def requests_now() -> dict[str, int]:
    """How many requests this process serves right now, and how many wait until it does."""
    return {sample.labels["state"]: int(sample.value) for family in REQUESTS.collect() for sample in family.samples}


@dataclass(frozen=True, slots=True)
class LedgerGauge:
    """A number that is read from the ledger."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    unit: str = ""

    def family(self) -> GaugeMetricFamily:
        """An empty one, to be filled for one scrape."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels, unit=self.unit)


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
    "seconds",
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
    "seconds",
)
PAUSED = LedgerGauge("hedgerow_paused", "1 while somebody has paused the subscription.", BY_SUBSCRIPTION)
SCHEDULE_OVERDUE = LedgerGauge(
    "hedgerow_schedule_overdue_seconds",
    "For how long the next tick of a schedule has been due; 0 while it lies ahead. It grows while no worker runs, "
    "when nothing else does.",
    BY_SCHEDULE,
    "seconds",
)
ALARM = LedgerGauge(
    "hedgerow_alarm", "1 while somebody should look, else 0; `what` is the alarm.", (*BY_SUBSCRIPTION, "what")
)

LEDGER_GAUGES = (
    LEDGER_UP,
    DELIVERIES,
    OLDEST_PENDING,
    EXPIRED_LEASES,
    RELAY_LAG,
    PAUSED,
    SCHEDULE_OVERDUE,
    ALARM,
)
