"""Migrated databases for tests: a migration takes half a second, a copy of what it left a tenth of that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import ContextMigrations, DatabaseAddress, MigrationHistory, MigrationRunner
from hedgerow_core.testing.database_clock import INSTALL
from hedgerow_core.testing.servers import database_for_test, run_sql

Histories = tuple[MigrationHistory, ...]


class MigratedDatabases:
    """Migrates once for each set of contexts, and gives out copies."""

    def __init__(self, server: DatabaseAddress) -> None:
        self._server = server
        self._templates: dict[tuple[frozenset[tuple[str, Histories]], Sequence[str]], str] = {}

    @contextmanager
    def copy(self, **contexts: Histories) -> Iterator[DatabaseAddress]:
        """A database for one test. Each context has the ledger and its own histories: `users=(migrations(),)`."""
        with database_for_test(self._server, template=self._template(contexts)) as address:
            yield address

    def new_address(self) -> DatabaseAddress:
        """Where a database is going to be: see `copy_with_clock`."""
        return DatabaseAddress(self._server.url.set(database=f"test_{uuid4().hex}"))

    @contextmanager
    def copy_with_clock(self, address: DatabaseAddress, contexts: Mapping[str, Histories]) -> Iterator[None]:
        """The same at an address that is known before its contexts are, with clocks that can be moved."""
        template = self._template(contexts, then=INSTALL)
        with database_for_test(self._server, template=template, name=address.url.database):
            yield

    def drop_templates(self) -> None:
        """Leave the server as it was."""
        while self._templates:
            _, template = self._templates.popitem()
            run_sql(self._server, f"DROP DATABASE {template} WITH (FORCE)")

    def _template(self, contexts: Mapping[str, Histories], then: Sequence[str] = ()) -> str:
        wanted = frozenset(contexts.items()), then
        if wanted not in self._templates:
            self._templates[wanted] = self._migrated(contexts, then)
        return self._templates[wanted]

    def _migrated(self, contexts: Mapping[str, Histories], then: Sequence[str]) -> str:
        template = f"template_{uuid4().hex}"
        run_sql(self._server, f"CREATE DATABASE {template}")
        address = DatabaseAddress(self._server.url.set(database=template))
        runner = MigrationRunner(
            address, [ContextMigrations(name, [LEDGER, *own]) for name, own in contexts.items()]
        )
        asyncio.run(runner.apply())
        run_sql(address, *then)
        return template
