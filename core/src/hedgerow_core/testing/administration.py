"""A connection to a server that is kept from test to test, for the databases that come and go with them."""

from __future__ import annotations

import asyncio
import atexit
from functools import cache
from threading import Lock

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from hedgerow_core.persistence import DatabaseAddress


class Administration:
    """Has a server run single statements, outside a transaction. May be called from any thread.

    To connect costs as much processor time as to copy a small database, and a database for a test takes two
    statements: one makes it, one drops it.
    """

    def __init__(self, server: DatabaseAddress) -> None:
        self._engine = create_async_engine(
            server.url,
            pool_size=1,
            pool_pre_ping=True,  # the server may have been restarted
            isolation_level="AUTOCOMMIT",
        )
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # the thread's own loop stays its own
        self._turn = Lock()

    def run(self, statement: str) -> object:
        """Run it; the first thing that it answers, if it answers."""

        async def run() -> object:
            async with self._engine.connect() as connection:
                result = await connection.execute(text(statement))
                return result.scalar() if result.returns_rows else None

        with self._turn:
            return self._runner.run(run())

    def close(self) -> None:
        """Hang up. The next statement connects anew."""
        with self._turn:
            self._runner.run(self._engine.dispose())


@cache
def administration_of(server: DatabaseAddress) -> Administration:
    """The one connection of this process to the server."""
    administration = Administration(server)
    atexit.register(administration.close)
    return administration
