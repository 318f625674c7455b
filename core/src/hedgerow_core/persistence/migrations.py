"""Brings every context's schema to the revision its code expects: one history and one version table each.

Any number of hosts may start at once: an advisory lock lets one migrate while the others wait and then find
nothing to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence.database import CONNECT_TIMEOUT_S, DatabaseAddress, Isolation, opened
from hedgerow_core.persistence.failures import speaking_plainly
from hedgerow_core.persistence.roles import grant_tables, isolation_of, prepare_schema

_ENVIRONMENT = Path(__file__).parent / "alembic_environment"
_LOCK_KEY = 0x4845_4447_4552_4F57  # "HEDGEROW", as the 64-bit key of a PostgreSQL advisory lock
_LOCK_POLL_S = 0.1
DEFAULT_LOCK_WAIT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class MigrationHistory:
    """The migrations that a package brings: Alembic scripts in `<package>/versions/`."""

    package: str
    version_table: str = "alembic_version"

    @property
    def folder(self) -> Path:
        """Where the scripts lie.

        Raises:
            ModuleNotFoundError: the package is not importable, so its scripts were not shipped.
        """
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"{self.package} holds migrations but is not a package")
        return Path(next(iter(spec.submodule_search_locations))) / "versions"


@dataclass(frozen=True, slots=True)
class ContextMigrations:
    """All histories of one context, oldest foundation first. The context's name is its schema's name."""

    context: str
    histories: Sequence[MigrationHistory]


@dataclass(frozen=True, slots=True)
class PendingRevision:
    """A migration that the database lacks."""

    context: str
    revision: str
    summary: str


class MigrationRunner:
    """Plans and applies the migrations of all contexts, in the order given (dependencies first)."""

    def __init__(self, address: DatabaseAddress, contexts: Sequence[ContextMigrations]) -> None:
        self._address = address
        self._contexts = contexts

    async def pending(self) -> list[PendingRevision]:
        """What `apply` would run, in its order.

        Raises:
            UnavailableError: the database is away.
        """
        async with self._connection() as connection:
            return [
                revision
                for context in self._contexts
                for history in context.histories
                for revision in await connection.run_sync(_pending, context.context, history)
            ]

    async def isolation(self) -> dict[str, Isolation]:
        """How each context's data is kept apart from the others' for the user we connect as.

        Raises:
            UnavailableError: the database is away.
        """
        async with self._connection() as connection:
            return {context.context: await isolation_of(connection, context.context) for context in self._contexts}

    async def apply(self, *, lock_wait: timedelta = DEFAULT_LOCK_WAIT) -> list[PendingRevision]:
        """Create what is missing and return the revisions that ran. A second call returns nothing.

        Raises:
            UnavailableError: the database is away, or another host held the migration lock for too long.
        """
        async with self._connection() as connection, _migration_lock(connection, lock_wait):
            applied = []
            for context in self._contexts:
                isolation = await prepare_schema(connection, context.context)
                for history in context.histories:
                    todo = await connection.run_sync(_pending, context.context, history)
                    if todo:
                        await connection.run_sync(_upgrade, context.context, history)
                    applied += todo
                if isolation is Isolation.ROLE:
                    versions = [history.version_table for history in context.histories]
                    await grant_tables(connection, context.context, versions)
            return applied

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        engine = create_async_engine(
            self._address.url, poolclass=NullPool, connect_args={"timeout": CONNECT_TIMEOUT_S}
        )
        try:
            with speaking_plainly({}):
                async with opened(engine) as connection:
                    yield connection
        finally:
            await engine.dispose()


@asynccontextmanager
async def _migration_lock(connection: AsyncConnection, wait: timedelta) -> AsyncIterator[None]:
    deadline = time.monotonic() + wait.total_seconds()
    take = text("SELECT pg_try_advisory_lock(:key)")
    while not (await connection.execute(take, {"key": _LOCK_KEY})).scalar_one():
        await connection.commit()
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"Another host has been migrating for more than {wait.total_seconds():.0f} s. "
                "Wait for it, or end its session in PostgreSQL, then run this again.",
                code="migration_locked",
                retry_after=wait,
            )
        await asyncio.sleep(_LOCK_POLL_S)
    await connection.commit()
    try:
        yield
    finally:
        await connection.rollback()
        await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
        await connection.commit()


def scripts_of(history: MigrationHistory) -> ScriptDirectory:
    """The scripts of a history, to look at."""
    return ScriptDirectory.from_config(_located(history))


def _config(schema: str, history: MigrationHistory, connection: Connection) -> Config:
    config = _located(history)
    config.attributes.update(connection=connection, schema=schema, version_table=history.version_table)
    return config


def _located(history: MigrationHistory) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _escaped(history.folder))
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _pending(connection: Connection, schema: str, history: MigrationHistory) -> list[PendingRevision]:
    script = scripts_of(history)
    options = {"version_table": history.version_table, "version_table_schema": schema}
    current = MigrationContext.configure(connection, opts=options).get_current_heads()
    connection.rollback()
    if not all(_knows(script, revision) for revision in current):
        return []  # The database is ahead of this build: an older host may run on beside a newer one.
    missing = list(script.iterate_revisions("heads", current or "base"))
    return [PendingRevision(schema, step.revision, step.doc) for step in reversed(missing)]


def _upgrade(connection: Connection, schema: str, history: MigrationHistory) -> None:
    command.upgrade(_config(schema, history, connection), "heads")
    connection.commit()


def _knows(script: ScriptDirectory, revision: str) -> bool:
    try:
        return script.get_revision(revision) is not None
    except CommandError:
        return False
