"""Brings every context's schema to the revision its code expects: one history and one version table each.

Any number of hosts may start at once: an advisory lock lets one migrate while the others wait and then find
nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from asyncpg import exceptions as pg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.database import Isolation
from hedgerow_core.persistence.failures import driver_error, means_away
from hedgerow_core.persistence.migrations.histories import ContextMigrations, MigrationHistory
from hedgerow_core.persistence.migrations.versions import revisions_at
from hedgerow_core.persistence.migrations.waiting import (
    DEFAULT_PATIENCE,
    PAUSE_S,
    Blocked,
    migration_lock,
    still_blocked,
    watched,
)
from hedgerow_core.persistence.owner import owner_connection
from hedgerow_core.persistence.roles import isolation_of, prepare_schema, share_tables

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_BLOCKED = (pg.LockNotAvailableError, pg.DeadlockDetectedError)
_RESET = text("RESET lock_timeout")

Forgives = Callable[[str, Exception], bool]
"""Whether the others go on though this context's migrations have failed in this way."""


def never(_context: str, _error: Exception) -> bool:
    """Whatever fails ends it."""
    return False


@dataclass(frozen=True, slots=True)
class PendingRevision:
    """A migration that the database lacks."""

    context: str
    revision: str
    summary: str
    history: str
    """`ledger` or `own`."""


@dataclass(frozen=True, slots=True)
class HistoryState:
    """How far a schema is in one history."""

    context: str
    history: MigrationHistory
    current: tuple[str, ...]
    pending: tuple[PendingRevision, ...]

    @property
    def is_ahead(self) -> bool:
        """Whether a newer build has migrated this database."""
        return not self.pending and bool(set(self.current) - {each.revision for each in self.history.revisions})


class RevisionFailed(Exception):
    """A revision could not be applied: PostgreSQL refused a statement, or nobody has written it yet."""

    def __init__(self, step: PendingRevision, error: DBAPIError | NotImplementedError) -> None:
        why: object = error
        shown = ""
        if isinstance(error, DBAPIError):
            why = getattr(driver_error(error), "message", error.orig)  # its detail would quote a row
            shown = f"\n  statement: {' '.join((error.statement or '').split())[:300]}"
        super().__init__(
            f"{step.revision} of {step.context} failed, and its transaction is undone: {why}{shown}\n"
            "  fix: mend the revision, or the rows that it stumbles over, and run `hedgerow migrate` again:"
            " it goes on there"
        )


class MigrationRunner:
    """Plans and applies the migrations of all contexts, in the order given (dependencies first)."""

    def __init__(self, address: DatabaseAddress, contexts: Sequence[ContextMigrations]) -> None:
        self._address = address
        self._contexts = contexts

    async def states(self) -> list[HistoryState]:
        """How far each history is, the way that `apply` goes. Changes nothing.

        Raises:
            UnavailableError: the database is away.
        """
        async with owner_connection(self._address) as connection:
            return await _states(connection, self._histories)

    async def pending(self) -> list[PendingRevision]:
        """What `apply` would run, in its order.

        Raises:
            UnavailableError: the database is away.
        """
        return [step for state in await self.states() for step in state.pending]

    async def isolation(self) -> dict[str, Isolation]:
        """How each context's data is kept apart from the others' for the user we connect as.

        Raises:
            UnavailableError: the database is away.
        """
        async with owner_connection(self._address) as connection:
            return await isolation_of(connection, [context.context for context in self._contexts])

    async def before_a_start(self) -> tuple[list[PendingRevision], dict[str, Isolation]]:
        """What `apply` would run, and how each context's data is kept apart for the user we connect as.

        Both over one connection, because to open one takes a start longer than to ask.

        Raises:
            UnavailableError: the database is away.
        """
        async with owner_connection(self._address) as connection:
            states = await _states(connection, self._histories)
            isolation = await isolation_of(connection, [context.context for context in self._contexts])
        return [step for state in states for step in state.pending], isolation

    async def apply(
        self, *, patience: timedelta = DEFAULT_PATIENCE, forgives: Forgives = never
    ) -> list[PendingRevision]:
        """Create what is missing and return the revisions that ran. A second call returns nothing.

        `patience` is how long it waits for another host, and for a lock that a revision needs. A context whose
        failure is forgiven is left where it is, and the next one is taken.

        Raises:
            UnavailableError: the database is away, or somebody held a lock for too long.
            RevisionFailed: PostgreSQL refused a statement; what came before it stays applied.
        """
        async with owner_connection(self._address) as connection, migration_lock(connection, patience):
            applied: list[PendingRevision] = []
            for context in self._contexts:
                try:
                    applied += await self._apply_to(context, connection, patience)
                except Exception as error:
                    if not forgives(context.context, error):
                        raise
                    await connection.rollback()
                    await connection.execute(_RESET)
                    await connection.commit()
            return applied

    @property
    def _histories(self) -> list[tuple[str, MigrationHistory]]:
        return [(each.context, history) for each in self._contexts for history in each.histories]

    async def _apply_to(
        self, context: ContextMigrations, connection: AsyncConnection, patience: timedelta
    ) -> list[PendingRevision]:
        applied: list[PendingRevision] = []
        await prepare_schema(connection, context.context)
        for history in context.histories:
            applied += await self._upgrade(connection, context.context, history, patience)
        await share_tables(connection, context.context, [each.version_table for each in context.histories])
        return applied

    async def _upgrade(
        self, connection: AsyncConnection, schema: str, history: MigrationHistory, patience: timedelta
    ) -> list[PendingRevision]:
        """Try until all is applied. A revision commits with its version, so an attempt begins where one ended."""
        started = left = await _pending(connection, schema, history)
        if not left:
            return []
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await connection.commit()
        blocked = Blocked()
        async with owner_connection(self._address) as observer:
            while True:
                try:
                    async with watched(observer, pid, blocked):
                        await connection.run_sync(_run, schema, history, patience)
                    break
                except (DBAPIError, NotImplementedError) as error:
                    await connection.rollback()
                    if isinstance(error, DBAPIError) and means_away(error):
                        raise
                    now = await _pending(connection, schema, history)
                    if not _was_blocked(error):
                        raise RevisionFailed(now[0], error) from error
                blocked.go_on(anew=now != left)
                if blocked.longer_than(patience):
                    raise still_blocked(now[0].revision, blocked, patience)
                left = now
                await asyncio.sleep(PAUSE_S)
        await connection.execute(_RESET)
        return list(started)


def _was_blocked(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and isinstance(driver_error(error), _BLOCKED)


async def _states(
    connection: AsyncConnection, wanted: Sequence[tuple[str, MigrationHistory]]
) -> list[HistoryState]:
    """How far these are. The database is asked once for all, and scripts are read once, and only if need be."""
    at = await revisions_at(connection, [(schema, history.version_table) for schema, history in wanted])
    heads = {history: history.plain_head for _, history in wanted}
    behind = {history for schema, history in wanted if at[schema, history.version_table] != (heads[history],)}
    scripts = {history: history.read() for history in behind}
    return [
        _state(schema, history, at[schema, history.version_table], scripts.get(history))
        for schema, history in wanted
    ]


async def _pending(
    connection: AsyncConnection, schema: str, history: MigrationHistory
) -> tuple[PendingRevision, ...]:
    (state,) = await _states(connection, [(schema, history)])
    return state.pending


def _state(
    schema: str, history: MigrationHistory, current: tuple[str, ...], scripts: ScriptDirectory | None
) -> HistoryState:
    left = history.after(current, scripts) if scripts else []
    steps = tuple(PendingRevision(schema, script.revision, script.doc, history.name) for script in left)
    return HistoryState(schema, history, current, steps)


def _run(connection: Connection, schema: str, history: MigrationHistory, patience: timedelta) -> None:
    from alembic import command  # not before: most hosts start where nothing is to be done

    command.upgrade(history.config(schema, connection=connection, patience=patience), "heads")
    connection.commit()
