"""Builds what the contexts declare: settings, engines, containers, buses, consumers. No I/O happens here.

Every problem of the composition is found here or in `mounting`, before anything listens or connects.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dependency_injector import containers
from dependency_injector.errors import Error as WiringError
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from hedgerow_core.application import Bus
from hedgerow_core.application.bus import DuplicateHandlerError
from hedgerow_core.domain import Clock, SystemClock
from hedgerow_core.http import ContextRouter, Gate
from hedgerow_core.messaging import (
    Consumer,
    Dispatcher,
    Drain,
    Hint,
    Hints,
    Relay,
    Subscription,
    consumers_of,
    unit_of_work,
)
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer, Handlers, Subscriptions
from hedgerow_core.security import PermissionTable, TokenIssuer, TokenVerifier
from hedgerow_host.completeness import missing_handlers, unheard_events
from hedgerow_host.discovery import LoadedContext
from hedgerow_host.problems import CompositionError, Problem, settings_problems
from hedgerow_host.settings import Environment

NOWHERE = DatabaseAddress.parse("postgresql://nobody@nowhere.invalid/none")
"""For a composition that is only looked at: nothing ever connects there."""


class Wakeup:
    """Tells everybody in this process who waits for work that something was committed."""

    def __init__(self) -> None:
        self._sleepers: list[Callable[[], None]] = []

    def wakes(self, sleeper: Callable[[], None]) -> None:
        """Have `sleeper` called after every commit."""
        self._sleepers.append(sleeper)

    def __call__(self) -> None:
        """Something was committed."""
        for sleeper in self._sleepers:
            sleeper()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedContext:
    """A context, built and ready to be mounted and run."""

    loaded: LoadedContext
    settings: BaseSettings | None
    database: Database
    container: containers.Container
    bus: Bus
    handlers: Handlers
    subscriptions: Subscriptions
    consumers: Mapping[str, Consumer]
    drain: Drain
    routers: Sequence[ContextRouter]
    issuers: Sequence[TokenIssuer]

    @property
    def name(self) -> str:
        """The context's name."""
        return self.loaded.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """All contexts of this process, in their order."""

    contexts: Sequence[HostedContext]
    environment: Environment
    gate: Gate
    permissions: PermissionTable
    wakeup: Wakeup

    @property
    def names(self) -> list[str]:
        """The names of the contexts, in their order."""
        return [context.name for context in self.contexts]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Enter every context's lifespan; leave them and close the engines afterwards."""
        async with AsyncExitStack() as stack:
            for context in self.contexts:
                stack.push_async_callback(context.database.close)
                if context.loaded.implements("lifespan"):
                    lifespan = context.loaded.call("lifespan", container=context.container)
                    await stack.enter_async_context(lifespan)
            yield

    async def drain(self, hint: Hint) -> None:
        """Work off what a hint points at. A hint for a context that isn't hosted here is left to others."""
        for context in self.contexts:
            if context.name == hint.context:
                await context.drain(hint)

    def dispatchers(self, hints: Hints) -> list[Dispatcher]:
        """One per context; they wake up whenever this process commits something."""
        dispatchers = [
            Dispatcher(context.database, self._relays(context), list(context.consumers), hints)
            for context in self.contexts
        ]
        for dispatcher in dispatchers:
            self.wakeup.wakes(dispatcher.nudge)
        return dispatchers

    def _relays(self, context: HostedContext) -> list[Relay]:
        wanted: dict[str, list[Subscription]] = {}
        for subscription in context.subscriptions.subscribes:
            if subscription.publisher in self.names:
                wanted.setdefault(subscription.publisher, []).append(subscription)
        return [
            Relay(context.database, publisher, subscriptions, holder=process_name())
            for publisher, subscriptions in wanted.items()
        ]


def assemble(
    loaded: Sequence[LoadedContext],
    *,
    environment: Environment,
    data_dir: Path,
    address: DatabaseAddress = NOWHERE,
    clock: Clock | None = None,
) -> Assembly:
    """Build all contexts.

    Raises:
        CompositionError: lists every problem found.
    """
    wakeup = Wakeup()
    contexts: list[HostedContext] = []
    problems: list[Problem] = []
    for context in loaded:
        core = CoreContainer(
            context=context.name,
            environment=str(environment),
            data_dir=data_dir,
            clock=clock or SystemClock(),
            database=Database(address, context.name, constraints=context.manifest.constraints),
        )
        try:
            contexts.append(_build(context, core, wakeup))
        except CompositionError as error:
            problems += error.problems
    problems += unheard_events({context.name: context.subscriptions for context in contexts})
    if problems:
        raise CompositionError(problems)
    permissions = PermissionTable(p for context in loaded for p in context.manifest.permissions)
    verifier = TokenVerifier([issuer for context in contexts for issuer in context.issuers], clock or SystemClock())
    return Assembly(
        contexts=contexts,
        environment=environment,
        gate=Gate(verifier, permissions),
        permissions=permissions,
        wakeup=wakeup,
    )


def process_name() -> str:
    """This process, as operators find it: host name and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _build(loaded: LoadedContext, core: CoreContainer, wakeup: Wakeup) -> HostedContext:
    settings = _settings_of(loaded)
    container: containers.Container = loaded.call("container", core=core, settings=settings)
    try:
        container.check_dependencies()
    except WiringError as error:
        what = f"its container is incomplete: {error}"
        raise _refused(loaded, what, "give the named providers a value") from error
    handlers: Handlers = loaded.call("handlers", container=container)
    subscriptions: Subscriptions = loaded.call("subscriptions", container=container) or Subscriptions()
    database, clock = core.database(), core.clock()
    try:
        bus = Bus(
            commands=handlers.commands,
            queries=handlers.queries,
            open_work=partial(unit_of_work, database, handlers.work, wakeup),
        )
        consumers = consumers_of(subscriptions.subscribes, handlers.tasks)
    except (DuplicateHandlerError, ValueError) as error:
        raise _refused(loaded, str(error), "declare it once") from error
    problems = missing_handlers(loaded, bus, consumers)
    if problems:
        raise CompositionError(problems)
    return HostedContext(
        loaded=loaded,
        settings=settings,
        database=database,
        container=container,
        bus=bus,
        handlers=handlers,
        subscriptions=subscriptions,
        consumers=consumers,
        drain=Drain(
            database, consumers, work_for=handlers.work, clock=clock, owner=process_name(), committed=wakeup
        ),
        routers=loaded.call("routes", container=container, bus=bus) or (),
        issuers=loaded.call("authenticators", container=container) or (),
    )


def _settings_of(loaded: LoadedContext) -> BaseSettings | None:
    wanted: Any = loaded.manifest.settings
    if wanted is None:
        return None
    try:
        settings: BaseSettings = wanted()
    except ValidationError as error:
        raise CompositionError(settings_problems(wanted, error)) from error
    return settings


def _refused(loaded: LoadedContext, what: str, fix: str) -> CompositionError:
    return CompositionError([Problem(subject=loaded.name, what=what, sources=(str(loaded.installed),), fix=fix)])
