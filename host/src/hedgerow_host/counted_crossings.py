"""Counts, while a host runs, what a context could not do from a host of its own; `extract plan` reads it."""

from __future__ import annotations

from hedgerow_core.observability.metrics import CROSSED_TRANSACTIONS, POOL_TURNED_AWAY, REFUSED_STATEMENTS
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.observing import Observer


def count_crossings(database: Database) -> None:
    """Count, for this context, transactions inside those of others, and statements that its role may not run.

    Also who got no connection to the database.

    The test kit's guard also sees what a transaction has touched; that takes a query for each, too much here.
    """
    own = database.context
    database.observer = Observer(
        nested=lambda other: CROSSED_TRANSACTIONS.labels(own, other).inc(),
        refused=REFUSED_STATEMENTS.labels(own).inc,
        turned_away=POOL_TURNED_AWAY.labels(own).inc,
    )
