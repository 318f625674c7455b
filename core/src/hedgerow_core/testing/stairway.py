"""Walks up and down the migrations of one context, a revision at a time, and looks where it stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import DatabaseAddress, MigrationHistory
from hedgerow_core.persistence.migrations.schema_objects import difference, schema_lines
from hedgerow_core.persistence.owner import owner_connection
from hedgerow_core.persistence.roles import prepare_schema
from hedgerow_core.testing.drift import drift_of

BOTTOM, TOP = "base", "heads"
Walk = Callable[[Config, str], None]


class Stairway:
    """The history of a context in a database for tests, where the ledger is as it should be.

    What every context wants: `await Stairway(fresh_database, "notes", plugin.migrations()).climb(metadata)`.
    """

    def __init__(self, address: DatabaseAddress, context: str, history: MigrationHistory) -> None:
        self._address = address
        self._context = context
        self._history = history

    async def up_to(self, revision: str = TOP) -> None:
        """Apply everything up to this revision."""
        async with owner_connection(self._address, search_path=self._context) as connection:
            await self._begin(connection)
            await self._walk(connection, command.upgrade, revision)

    async def down_to(self, revision: str = BOTTOM) -> None:
        """Take back everything above this revision.

        Raises:
            NotImplementedError: one of them can't be taken back.
        """
        async with owner_connection(self._address, search_path=self._context) as connection:
            await self._walk(connection, command.downgrade, revision)

    async def climb(self, *tables: MetaData) -> None:
        """From the bottom up, one revision at a time, each that can be taken back down and up again.

        `tables` is what the code declares: in the end the database has it so.

        Raises:
            AssertionError: a step down or up leaves another schema than was there, or declared tables are not so.
        """
        async with owner_connection(self._address, search_path=self._context) as connection:
            await self._begin(connection)
            below = await schema_lines(connection, self._context)
            for script in self._history.revisions:
                here = script.revision
                await self._walk(connection, command.upgrade, here)
                above = await schema_lines(connection, self._context)
                with suppress(NotImplementedError):  # which says that it can't be taken back
                    await self._walk(connection, command.downgrade, "-1")
                    _same(f"{here} taken back", below, await schema_lines(connection, self._context))
                    await self._walk(connection, command.upgrade, here)
                _same(f"{here} applied again", above, await schema_lines(connection, self._context))
                below = above
            for declared in tables:
                if drift := await connection.run_sync(drift_of, declared):
                    raise AssertionError("\n  ".join(["the declared tables are not what migrations make:", *drift]))

    async def _begin(self, connection: AsyncConnection) -> None:
        await prepare_schema(connection, self._context)
        if self._history != LEDGER:
            await connection.run_sync(_walk, command.upgrade, LEDGER, self._context, TOP)

    async def _walk(self, connection: AsyncConnection, walk: Walk, to: str) -> None:
        try:
            await connection.run_sync(_walk, walk, self._history, self._context, to)
        finally:
            await connection.rollback()


def _walk(connection: Connection, walk: Walk, history: MigrationHistory, context: str, to: str) -> None:
    walk(history.config(context, connection=connection), to)
    connection.commit()


def _same(where: str, expected: list[str], found: list[str]) -> None:
    if changed := difference(expected, found):
        raise AssertionError("\n  ".join([f"{where} leaves another schema than was there:", *changed]))
