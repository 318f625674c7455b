"""A database of which nothing stays: every transaction is a part of one that is rolled back when it is closed.

For looking around and trying out (`hedgerow shell --sandbox`). What one changes can be read by oneself alone, and
the rows are locked for everybody else meanwhile. Sequences go on counting; what is outside of PostgreSQL is not
covered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence.database import Database, opened
from hedgerow_core.persistence.failures import speaking_plainly

IDLE_FOR = "10min"
"""Whoever thinks for longer loses the sandbox: locks, and rows that nobody may vacuum, are not to lie about."""

_THINK = text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_FOR}'")
# What is only checked at the commit would never be found out: there is none.
_CHECK_NOW, _CHECK_LATER = text("SET CONSTRAINTS ALL IMMEDIATE"), text("SET CONSTRAINTS ALL DEFERRED")


@final
class SandboxDatabase(Database):
    """One connection, and one transaction on it, as long as it is open. Not for several tasks at once."""

    _open: AsyncExitStack | None = None
    _connection: AsyncConnection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A savepoint: kept when left normally, rolled back when left by an exception.

        Raises:
            UnavailableError, DomainError: as in any other database.
        """
        with speaking_plainly(self._constraints):
            connection = await self._held()
            async with connection.begin_nested():
                yield connection
                await connection.execute(_CHECK_NOW)
                await connection.execute(_CHECK_LATER)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Sees what the transactions have changed."""
        with speaking_plainly(self._constraints):
            connection = await self._held()
            async with connection.begin_nested():
                yield connection

    async def close(self) -> None:
        """Take everything back."""
        if self._open is not None:
            await self._open.aclose()
            self._open = None
        await super().close()

    async def _held(self) -> AsyncConnection:
        if self._open is None:
            async with AsyncExitStack() as stack:
                self._connection = await stack.enter_async_context(opened(self.engine))
                transaction = await self._connection.begin()
                stack.push_async_callback(transaction.rollback)
                await self._connection.execute(_THINK)
                self._open = stack.pop_all()
        return self._connection
