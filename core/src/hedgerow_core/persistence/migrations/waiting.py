"""Locks that migrating waits for: the one of other hosts that migrate, and those that sessions hold on tables.

Whoever waits for a table's lock is in the way of everybody behind: a waiting ALTER TABLE stops every SELECT that
comes after it. So an attempt waits for a moment only, gives way, and tries again until its patience is at an end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import UnavailableError

LOCK_KEY = 0x4845_4447_4552_4F57
"""`HEDGEROW`, as the 64-bit key of a PostgreSQL advisory lock."""
LOCK_TIMEOUT_MS = 500
"""So long one attempt waits for a table's lock, and so long others may have to wait behind it."""
PAUSE_S = 1.0
"""Between two attempts: those who waited behind the first get their turn."""
DEFAULT_PATIENCE = timedelta(seconds=60)
BLOCKED = "migration_blocked"
"""The code of the error that is about one revision, and not about the database."""
_POLL_S = 0.1

_TAKE = text("SELECT pg_try_advisory_lock(:key)")
_RELEASE = text("SELECT pg_advisory_unlock(:key)")
_SESSIONS = """
    SELECT pid, format('session %s (%s)', pid, concat_ws(', ', nullif(application_name, ''), state, 'for '
        || date_trunc('second', clock_timestamp() - coalesce(xact_start, state_change)))) AS described
    FROM pg_stat_activity WHERE pid = ANY ({pids}) ORDER BY pid
"""
_BLOCKERS = text(_SESSIONS.format(pids="pg_blocking_pids(:pid)"))
_MIGRATING = text(
    _SESSIONS.format(
        pids="""
        SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid::bigint << 32) + objid::bigint = :key
        """
    )
)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody else at the database."""

    pid: int
    described: str
    """`session 4711 (hedgerow/users, idle in transaction, for 00:05:12)`"""


@dataclass(slots=True)
class Blocked:
    """Who stood in the way of a migration, and since when."""

    since: float | None = None
    by: tuple[Session, ...] = ()

    def seen(self, sessions: tuple[Session, ...]) -> None:
        """Note down who is there now."""
        if sessions:
            self.by = sessions
            self.since = time.monotonic() if self.since is None else self.since

    def go_on(self, *, anew: bool) -> None:
        """An attempt was in vain; `anew` if it came further than the one before, and so waits for something new."""
        if anew or self.since is None:
            self.since = time.monotonic()

    def longer_than(self, patience: timedelta) -> bool:
        """Whether it is enough."""
        return self.since is not None and time.monotonic() - self.since >= patience.total_seconds()


@asynccontextmanager
async def migration_lock(connection: AsyncConnection, patience: timedelta) -> AsyncIterator[None]:
    """Be the only one who migrates this database.

    Raises:
        UnavailableError: another host migrated for longer than that.
    """
    deadline = time.monotonic() + patience.total_seconds()
    while not (await connection.execute(_TAKE, {"key": LOCK_KEY})).scalar_one():
        await connection.commit()
        if time.monotonic() > deadline:
            raise await _still_migrating(connection, patience)
        await asyncio.sleep(_POLL_S)
    await connection.commit()
    try:
        yield
    finally:
        await connection.rollback()
        await connection.execute(_RELEASE, {"key": LOCK_KEY})
        await connection.commit()


@asynccontextmanager
async def watched(observer: AsyncConnection, pid: int, blocked: Blocked) -> AsyncIterator[None]:
    """Meanwhile, note who blocks that session: once it has given up waiting, nobody can tell any more."""
    done = asyncio.Event()

    async def look() -> None:
        while not done.is_set():
            rows = (await observer.execute(_BLOCKERS, {"pid": pid})).all()
            await observer.commit()
            blocked.seen(tuple(Session(row.pid, row.described) for row in rows))
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), _POLL_S)

    watcher = asyncio.create_task(look())
    try:
        yield
    finally:
        done.set()
        with suppress(DBAPIError):  # then nobody is named; what went wrong, the migration meets as well
            await watcher


def still_blocked(revision: str, blocked: Blocked, patience: timedelta) -> UnavailableError:
    """What to say after giving up."""
    names = " and ".join(session.described for session in blocked.by) or "somebody who is gone by now"
    ending = "; ".join(f"SELECT pg_terminate_backend({session.pid})" for session in blocked.by)
    return UnavailableError(
        f"{revision} has waited for {patience.total_seconds():.0f} s for a lock of {names}. "
        "What was applied before stays applied.\n"
        f"  fix: wait for it to end, or end it ({ending or 'see pg_stat_activity'}), then run this again",
        code=BLOCKED,
        retry_after=patience,
    )


async def _still_migrating(connection: AsyncConnection, patience: timedelta) -> UnavailableError:
    row = (await connection.execute(_MIGRATING, {"key": LOCK_KEY})).first()
    await connection.commit()
    who = f"Another host, {row.described}," if row else "Another host"
    ending = f"end it (SELECT pg_terminate_backend({row.pid}))" if row else "end its session in PostgreSQL"
    return UnavailableError(
        f"{who} has been migrating for more than {patience.total_seconds():.0f} s.\n"
        f"  fix: wait for it, or {ending}, then run this again",
        code="migration_locked",
        retry_after=patience,
    )
