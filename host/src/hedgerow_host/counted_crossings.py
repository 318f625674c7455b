"""Counts, while a host runs, what a context could not do from a host of its own; `extract plan` reads it."""

from __future__ import annotations

from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from hedgerow_core.observability.metrics import CROSSED_TRANSACTIONS, REFUSED_STATEMENTS
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.failures import driver_error
from hedgerow_core.persistence.nesting import watch_nesting


def count_crossings(database: Database) -> None:
    """Count, for this context, transactions inside those of others, and statements that its role may not run.

    Opens the engine, so its isolation must be settled. The test kit's guard also sees what a transaction has
    touched; that takes a query for each, which is too much here.
    """
    own = database.context
    watch_nesting(database, lambda other: CROSSED_TRANSACTIONS.labels(own, other).inc())

    def failed(context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if isinstance(error, DBAPIError) and isinstance(driver_error(error), InsufficientPrivilegeError):
            REFUSED_STATEMENTS.labels(own).inc()

    event.listen(database.engine.sync_engine, "handle_error", failed)
