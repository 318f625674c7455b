"""A host in the test's own process: the application as it is served, on a database that belongs to the test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from hedgerow_core.caching import in_process_store
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.replication import Replica
from hedgerow_core.security import Principal
from hedgerow_core.testing import Crossings, DatabaseClock, FakeClock, MigratedDatabases
from hedgerow_core.testing.contexts import context_database
from hedgerow_core.testing.migrated import Histories
from hedgerow_host.api import create_app
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import load_contexts
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.loading import LoadedContext
from hedgerow_host.mounting import routes_of
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import Environment
from hedgerow_host.testing.callers import BASE_URL, Doorkeeper, Person, logged_in, lowest_role
from hedgerow_host.testing.choosing import Mode, chosen
from hedgerow_host.testing.looping_back import remotes_in_a_loop
from hedgerow_host.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class HostApp:
    """A running host application, and everything behind it that a test may want to reach."""

    app: FastAPI
    assembly: Assembly
    clock: FakeClock
    database_clock: DatabaseClock
    crossings: Crossings
    doorkeeper: Doorkeeper
    stand_ins: Mapping[str, Database]
    """The feeds of publishers that are not hosted, but listened to: a ledger each, and nothing else."""

    @property
    def anonymous(self) -> httpx.AsyncClient:
        """A client without any token."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE_URL)

    def acting_as(self, principal: Principal) -> Person:
        """A client that calls as this principal."""
        return Person(self.app, self.doorkeeper, principal)

    def someone(
        self,
        role: str = "user",
        *,
        may: str | None = None,
        id: UUID | None = None,
        scopes: Collection[str] | None = None,
    ) -> Person:
        """Somebody who has logged in: of a role, or of the lowest one that has the permission `may`.

        With `scopes` it is a key of theirs that calls. Each is somebody new, unless `id` says who.
        """
        role = role if may is None else lowest_role(self.assembly.permissions, may)
        return self.acting_as(logged_in(role, id=id, scopes=scopes))

    def context(self, name: str) -> HostedContext:
        """A hosted context: its container, its bus, its database.

        Raises:
            LookupError: it is not hosted here.
        """
        for context in self.assembly.contexts:
            if context.name == name:
                return context
        raise LookupError(f"{name} is not hosted here: hosted are {', '.join(self.assembly.names)}")

    def work(self, name: str) -> AbstractAsyncContextManager[Any]:
        """A unit of work as the handlers of a hosted context are given it: left normally, it commits.

        Raises:
            LookupError: it is not hosted here.
        """
        context = self.context(name)
        return unit_of_work(context.database, context.handlers.work, lambda: None)


class HostAppFactory(Protocol):
    """What the fixture `host_app` is."""

    def __call__(
        self,
        contexts: str | Collection[str] = (),
        mode: Mode = "direct",
        *,
        settings: Mapping[str, str] | None = None,
        over_the_wire: bool = False,
    ) -> AbstractAsyncContextManager[HostApp]:
        """`async with host_app("billing", "standalone", settings={"BILLING_…": "…"}) as host:`.

        `over_the_wire` has the contexts ask each other as if each lived on another host.
        """
        ...


@asynccontextmanager
async def hosted(
    contexts: Collection[str],
    mode: Mode,
    *,
    databases: MigratedDatabases,
    clock: FakeClock,
    data_dir: Path,
    settings: Mapping[str, str],
    over_the_wire: bool = False,
    replica: Callable[[DatabaseAddress], Replica] | None = None,
) -> AsyncIterator[HostApp]:
    """Host the contexts while the body runs. `replica` gives the one of the database at this address.

    Raises:
        CompositionError: they don't fit together, or one of them is not installed.
    """
    loaded = load_contexts(chosen(contexts, mode))
    doorkeeper, address = Doorkeeper(clock), databases.new_address()
    apart = [context.name for context in loaded] if over_the_wire else ()
    remotes, wire = remotes_in_a_loop(apart, clock=clock, data_dir=data_dir)
    with _settings_in_place(loaded, settings):
        # As in `dev`, contexts that the test is not about ask for no decision.
        assembly = assemble(
            loaded,
            environment=Environment.DEV,
            data_dir=data_dir,
            address=address,
            clock=clock,
            issuers=(doorkeeper.issuer,),
            cache=in_process_store(),
            replica=None if replica is None else replica(address),
            remotes=remotes,
        )
        wire.app = app = create_app(assembly, routes_of(assembly), Readiness(assembly, Watch(assembly)))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_on_a_thread(databases, address, _histories(assembly)))
        stand_ins = {
            name: await stack.enter_async_context(context_database(address, name)) for name in _absent(assembly)
        }
        database_clock = DatabaseClock(address, clock)
        await database_clock.follow()
        crossings = Crossings([*assembly.names, *stand_ins])
        for context in assembly.contexts:
            database_clock.shown_to(context.database)
            crossings.watch(context.database)
        # Not the application's own lifespan: that would look at the ledgers every few real seconds.
        await stack.enter_async_context(assembly.running())
        yield HostApp(
            app=app,
            assembly=assembly,
            clock=clock,
            database_clock=database_clock,
            crossings=crossings,
            doorkeeper=doorkeeper,
            stand_ins=stand_ins,
        )


def _histories(assembly: Assembly) -> Mapping[str, Histories]:
    """What each hosted context's schema is made by; a publisher that is absent has a feed at least."""
    own = {context.name: context.loaded.call("migrations") for context in assembly.contexts}
    return {name: () if history is None else (history,) for name, history in own.items()} | dict.fromkeys(
        _absent(assembly), ()
    )


def _absent(assembly: Assembly) -> Sequence[str]:
    heard = {each.publisher for context in assembly.contexts for each in context.subscriptions.subscribes}
    return sorted(heard - set(assembly.names))


@asynccontextmanager
async def _on_a_thread(
    databases: MigratedDatabases, address: DatabaseAddress, histories: Mapping[str, Histories]
) -> AsyncIterator[None]:
    """Migrations and copies bring an event loop of their own."""
    copy = databases.copy_with_clock(address, histories)
    await asyncio.to_thread(copy.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(copy.__exit__, None, None, None)


@contextmanager
def _settings_in_place(loaded: Sequence[LoadedContext], settings: Mapping[str, str]) -> Iterator[None]:
    """The test's settings for the contexts, and none that happen to be set on this machine."""
    prefixes = tuple(
        str(context.manifest.settings.model_config.get("env_prefix", ""))
        for context in loaded
        if context.manifest.settings is not None
    )
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ:
            if name.startswith(tuple(prefix for prefix in prefixes if prefix)):
                environment.delenv(name)
        for name, value in settings.items():
            environment.setenv(name, value)
        yield
