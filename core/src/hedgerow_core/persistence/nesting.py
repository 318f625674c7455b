"""Notices a transaction that is begun inside one of another context: two databases could not end them together."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from sqlalchemy import Connection, event

from hedgerow_core.persistence.database import Database

_open: ContextVar[frozenset[str]] = ContextVar("open_transactions", default=frozenset())
"""The contexts that have a transaction open around what runs now."""


def watch_nesting(database: Database, nested: Callable[[str], None]) -> None:
    """Have `nested` called with the name of every context inside whose transaction one of this context's begins."""
    own = database.context

    def begun(connection: Connection) -> None:
        if reads_only(connection):
            return
        around = _open.get()
        for other in sorted(around - {own}):
            nested(other)
        _open.set(around | {own})

    def ended(_connection: Connection) -> None:
        if around := _open.get():
            _open.set(around - {own})

    engine = database.engine.sync_engine
    event.listen(engine, "begin", begun)
    event.listen(engine, "commit", ended)
    event.listen(engine, "rollback", ended)


def reads_only(connection: Connection) -> bool:
    """Single statements outside a transaction: `Database.reading`."""
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
