"""How large each experiment is. `FAULTS_TIER=long` picks the second column, `FAULTS_SCALE` stretches it.

`FAULTS_SEED` repeats the dice of an earlier run.
"""

from __future__ import annotations

import os
import random

TIER = os.environ.get("FAULTS_TIER", "short")
LONG = TIER == "long"
SCALE = float(os.environ.get("FAULTS_SCALE", "1"))

SIZES: dict[str, tuple[int, int]] = {
    # name: (short, long)
    "relay_order.commits": (300, 12_000),
    "kill_storm.events": (240, 100_000),
    "kill_storm.kills": (3, 50),
    "kill_storm.mutant_events": (600, 3_000),
    "kill_storm.mutant_kills": (4, 5),
    "crash_points.repeats": (1, 1),
    "crash_points.sample": (4, 1_000),
    "stopped.rounds": (1, 2),
    "broker_loss.events": (100, 20_000),
    "broker_loss.outages": (2, 12),
    "lost_replies.events": (150, 12_000),
    "cut_connections.publishes": (60, 2_000),
    "cut_connections.restarts": (1, 4),
    "long_transaction.seconds": (4, 60),
    "poison.events": (120, 3_000),
    "consumers_off.seconds": (2, 30),
    "redelivery.events": (300, 20_000),
    "placements.events": (40, 5_000),
    "state_machine.examples": (15, 700),
    "refresh_race.tokens": (3, 200),
    "spraying.guesses": (15, 300),
    "shut_out.times": (1, 20),
    "login_storm.seconds": (2, 20),
    "login_storm.calls_per_second": (15, 50),
    "idempotency.keys": (5, 500),
    "idempotency.times": (10, 50),
    "lying_gateway.payments": (16, 5_000),
    "lying_gateway.kills": (2, 25),
    "lying_gateway.mutant_payments": (16, 300),
    "lying_gateway.mutant_kills": (1, 8),
    "refunds.payments": (2, 200),
    "refunds.at_once": (15, 50),
    "books.steps": (200, 10_000),
    "write_skew.meetings": (12, 108),
    "numbers.invoices": (32, 2_000),
    "slow_clients.headers": (40, 600),
    "slow_clients.body": (30, 370),
    "slow_clients.answer": (3, 30),
    "oversize.times": (1, 10),
    "api_document.examples": (2, 200),
    "many_hosts.hosts": (4, 20),
    "many_hosts.mutant_hosts": (3, 20),
    "killed_migrations.sample": (3, 1_000),
    "two_releases.seconds": (1, 10),
    "feed_order.commits": (250, 12_000),
    "feed_storm.events": (200, 50_000),
    "feed_storm.kills": (3, 50),
    "placements_apart.rounds": (1, 15),
    "moved.points": (3, 1_000),
    "disconnects.callers": (50, 2_000),
    "smuggling.pairs": (8, 1_000),
    "overload.seconds": (2, 120),
    "rolling.rounds": (1, 6),
    "starved.calls": (20, 40),
    "timing.rounds": (30, 1_200),
    "timing.mutant_rounds": (16, 100),
}


def size(name: str) -> int:
    """The size of this name in the tier that runs."""
    short, long = SIZES[name]
    return max(1, round((long if LONG else short) * SCALE))


def with_twins(*mutants: str) -> list[str | None]:
    """Nothing broken; in the long tier, where there is time to wait for what never comes, the mutants too."""
    return [None, *(mutants if LONG else ())]


def new_seed() -> int:
    """The seed that was asked for, or a new one."""
    asked = os.environ.get("FAULTS_SEED")
    return int(asked) if asked else random.SystemRandom().randrange(2**32)
