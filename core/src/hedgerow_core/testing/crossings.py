"""Notices a transaction in which two contexts meet: a boundary that the day of the extraction would find.

PostgreSQL itself says what a transaction has touched: until its end it holds a lock on every table that it has
read or written, whichever way it got there.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import greenlet
from sqlalchemy import AdaptedConnection, Connection, event

from hedgerow_core.persistence import Database
from hedgerow_core.persistence.observing import Observer

FIX = "fix: subscribe to an event of the other context, or ask one of its published queries before the transaction"

# What the ledger itself touches elsewhere: the feed, and the tables in which its readers say how far they are.
_TOUCHED = """
    SELECT DISTINCT n.nspname || '.' || c.relname
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = pg_backend_pid() AND c.relkind IN ('r', 'p', 'v', 'm')
      AND n.nspname = ANY($1) AND c.relname NOT IN ('feed_consumers', 'outbox_retirements')
      AND NOT (l.mode = 'AccessShareLock' AND 'outbox' = (
        SELECT feed.relname FROM pg_class feed WHERE feed.oid = coalesce(pg_partition_root(c.oid), c.oid)))
    ORDER BY 1
"""


_MACHINERY = frozenset(
    {"_pytest", "asyncio", "contextlib", "greenlet", "hedgerow_core", "hedgerow_host", "pluggy", "sqlalchemy"}
)
"""Packages that run everybody's transactions, and so are not where one comes from."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One transaction in which contexts met."""

    context: str
    """Whose transaction it was."""
    others: Sequence[str]
    """The contexts that it met."""
    what: str
    place: str | None
    """`file:line` of the code that ran it; None if only the host's own did."""


class CrossedBoundaryError(AssertionError):
    """One transaction has touched two contexts."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__("\n".join([*found, FIX]))


class Crossings:
    """Watches the transactions of several contexts in one database."""

    def __init__(self, contexts: Collection[str]) -> None:
        self.crossings: list[Crossing] = []
        """What may not be, each once."""
        self.watched: Counter[str] = Counter()
        """How many transactions of each context were looked at."""
        self._contexts = frozenset(contexts)

    def watch(self, database: Database) -> None:
        """Look at every transaction of a context from now on."""
        own, others = database.context, sorted(self._contexts - {database.context})

        def nested(other: str) -> None:
            self._find(own, [other], f"a transaction of {own} was begun inside one of {other}")

        def committing(connection: Connection) -> None:
            if _reads_only(connection):
                return
            self.watched[own] += 1
            if touched := _touched(connection, others):
                met = dict.fromkeys(table.partition(".")[0] for table in touched)
                self._find(own, list(met), f"a transaction of {own} has touched {', '.join(touched)}")

        event.listen(database.engine.sync_engine, "commit", committing)
        database.observer = Observer(nested=nested, refused=lambda: None)

    @property
    def found(self) -> list[str]:
        """What may not be, one line each."""
        return [crossing.what for crossing in self.crossings]

    def _find(self, context: str, others: Sequence[str], what: str) -> None:
        if what not in self.found:
            self.crossings.append(Crossing(context, others, what, _origin()))


def _touched(connection: Connection, contexts: Sequence[str]) -> list[str]:
    """The tables of these contexts that the transaction has locked."""
    driven = cast("AdaptedConnection", connection.connection.dbapi_connection)

    async def look(driver: Any) -> list[str]:
        return [row[0] for row in await driver.fetch(_TOUCHED, contexts)]

    found: list[str] = driven.run_async(look)
    return found


def _reads_only(connection: Connection) -> bool:
    """Single statements outside a transaction: `Database.reading`."""
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


def _origin() -> str | None:
    """The innermost line on the stack that is nobody's machinery."""
    for frame in _frames():
        name: str = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] not in _MACHINERY:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
    return None


def _frames() -> Iterator[FrameType]:
    """From here outwards. SQLAlchemy commits in a greenlet, whose stack ends where it was entered."""
    frame: FrameType | None = sys._getframe()
    around = greenlet.getcurrent().parent
    while frame is not None:
        yield frame
        frame = frame.f_back
        if frame is None and around is not None:
            frame, around = around.gr_frame, around.parent
