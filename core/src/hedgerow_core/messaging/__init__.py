"""The delivery ledger (ADR 0002): outbox, relay, deliveries, drain, tasks. PostgreSQL remembers; a broker wakes.

Read in this order: events → work (the outbox, in tables) → consumers → cursors → relay → partitions (the leases)
→ deliveries (the states) → turn → drain, with attempts, calling_out and telling → recovery → due → hints →
dispatcher. That is the way of an event; schedules and housekeeping run beside it, answers are kept beside it for
requests that come twice, and announcements tell a stream of it. Between hosts it goes outlet → feed_pages →
reading_ahead → remote_relay, with remote_cursors.
What operators do is in selection, steering, pausing, replay and rereading, rehearsal, emission, feed, tail,
actions, health and quiet; who did what to whom is in trail;
what publishers and subscribers promise each other is in contracts: compatibility → narrowing, over schema_forms.
"""

from hedgerow_core.messaging.consumers import (
    Consumer,
    OutboundTaskHandler,
    RetryPolicy,
    Start,
    Subscription,
    TaskHandler,
    Upcast,
    consumers_of,
)
from hedgerow_core.messaging.dispatcher import Carrier, Chore, Dispatcher
from hedgerow_core.messaging.drain import Drain
from hedgerow_core.messaging.events import Envelope, EventContract
from hedgerow_core.messaging.hints import Hint, Hints, InProcessHints
from hedgerow_core.messaging.housekeeping import Housekeeping
from hedgerow_core.messaging.outlet import Outlet
from hedgerow_core.messaging.reading_ahead import Ask
from hedgerow_core.messaging.recovery import Recovery
from hedgerow_core.messaging.relay import Relay
from hedgerow_core.messaging.remote_relay import RemoteRelay
from hedgerow_core.messaging.schedules import CatchUp, Schedule, Scheduler
from hedgerow_core.messaging.work import LedgerWork, Translation, Translations, unit_of_work
from hedgerow_core.persistence import MigrationHistory

LEDGER = MigrationHistory("hedgerow_core.messaging.migrations", "ledger_version")
"""The ledger's own history; it runs in every context's schema before the context's history."""

__all__ = [
    "LEDGER",
    "Ask",
    "Carrier",
    "CatchUp",
    "Chore",
    "Consumer",
    "Dispatcher",
    "Drain",
    "Envelope",
    "EventContract",
    "Hint",
    "Hints",
    "Housekeeping",
    "InProcessHints",
    "LedgerWork",
    "OutboundTaskHandler",
    "Outlet",
    "Recovery",
    "Relay",
    "RemoteRelay",
    "RetryPolicy",
    "Schedule",
    "Scheduler",
    "Start",
    "Subscription",
    "TaskHandler",
    "Translation",
    "Translations",
    "Upcast",
    "consumers_of",
    "unit_of_work",
]
