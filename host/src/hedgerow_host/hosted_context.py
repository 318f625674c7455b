"""Builds what one context declares: settings, container, bus, consumers, routes. No I/O happens here."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dependency_injector import containers
from dependency_injector.errors import Error as WiringError
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from hedgerow_core.application import Bus
from hedgerow_core.application.bus import DuplicateHandlerError
from hedgerow_core.http import ContextRouter, CookieMode
from hedgerow_core.messaging import Consumer, Drain, LedgerWork, Recovery, consumers_of, unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.plugin import CoreContainer, Handlers, Subscriptions
from hedgerow_core.security import KeyAuthority, TokenIssuer
from hedgerow_host.completeness import misnamed_events, missing_handlers, unready_schedules
from hedgerow_host.contracts import ContextContract, contract_of
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migration_files import unsound_migrations
from hedgerow_host.problems import CompositionError, Problem, settings_problems
from hedgerow_host.unsound_answers import unsound_answers


class Wakeup:
    """Tells everybody in this process who waits for work that something was committed."""

    def __init__(self) -> None:
        self._sleepers: list[Callable[[], None]] = []
        self._waiting_for: dict[str, list[Callable[[], None]]] = {}

    def wakes(self, sleeper: Callable[[], None]) -> None:
        """Have `sleeper` called after every commit."""
        self._sleepers.append(sleeper)

    def hurries(self, publisher: str, waiting: Callable[[], None]) -> None:
        """Have `waiting` called when this publisher, on another host, is heard of."""
        self._waiting_for.setdefault(publisher, []).append(waiting)

    def announced(self, publisher: str) -> None:
        """A publisher on another host says that it has committed something."""
        for waiting in self._waiting_for.get(publisher, ()):
            waiting()

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
    contract: ContextContract
    """What it publishes, reads, answers and asks."""
    routers: Sequence[ContextRouter]
    authenticators: Sequence[TokenIssuer | KeyAuthority | CookieMode]

    @property
    def name(self) -> str:
        """The context's name."""
        return self.loaded.name

    @property
    def publishers(self) -> set[str]:
        """The contexts that it listens to."""
        return {subscription.publisher for subscription in self.subscriptions.subscribes}

    @property
    def neighbours(self) -> Collection[str]:
        """The contexts that it requires, asks or listens to, wherever they live."""
        asked = {question.publisher for question in self.handlers.asks}
        return {*self.loaded.manifest.requires, *asked, *self.publishers}

    @property
    def issuers(self) -> Sequence[TokenIssuer]:
        """Whose access tokens are believed."""
        return [one for one in self.authenticators if isinstance(one, TokenIssuer)]

    @property
    def key_authorities(self) -> Sequence[KeyAuthority]:
        """Whose API keys are believed."""
        return [one for one in self.authenticators if isinstance(one, KeyAuthority)]

    @property
    def cookies(self) -> Sequence[CookieMode]:
        """In which cookies access tokens may come."""
        return [one for one in self.authenticators if isinstance(one, CookieMode)]


def build(loaded: LoadedContext, core: CoreContainer, wakeup: Wakeup, recovery: Recovery) -> HostedContext:
    """Call the context's hooks, in their order, and put together what they declare.

    Raises:
        CompositionError: a hook raised, or what the hooks declare doesn't fit together.
    """
    settings = _settings_of(loaded)
    container = _container_of(loaded, core, settings)
    handlers: Handlers = loaded.call("handlers", container=container) or _no_handlers(loaded.name, core)
    subscriptions: Subscriptions = loaded.call("subscriptions", container=container) or Subscriptions()
    database, clock = core.database(), core.clock()

    bus, consumers, contract, problems = loaded.judged(
        "what it declares can't be used", partial(_put_together, loaded, handlers, subscriptions, database, wakeup)
    )
    problems += unsound_migrations(loaded)
    if problems:
        raise CompositionError(problems)
    routers = loaded.call("routes", container=container, bus=bus) or ()
    return HostedContext(
        loaded=loaded,
        settings=settings,
        database=database,
        container=container,
        bus=bus,
        handlers=handlers,
        subscriptions=subscriptions,
        consumers=consumers,
        contract=contract,
        drain=Drain(
            database,
            consumers,
            work_for=handlers.work,
            clock=clock,
            owner=process_name(),
            recovery=recovery,
            committed=wakeup,
        ),
        routers=routers,
        authenticators=loaded.call("authenticators", container=container) or (),
    )


def _put_together(
    loaded: LoadedContext, handlers: Handlers, subscriptions: Subscriptions, database: Database, wakeup: Wakeup
) -> tuple[Bus, Mapping[str, Consumer], ContextContract, list[Problem]]:
    if not callable(handlers.work):
        raise loaded.installed.refused("opens no unit of work", "give `work` of its Handlers a function")
    try:
        bus = Bus(
            commands=handlers.commands,
            queries=handlers.queries,
            open_work=partial(unit_of_work, database, handlers.work, wakeup),
        )
        consumers = consumers_of(subscriptions.subscribes, handlers.tasks)
    except (DuplicateHandlerError, ValueError) as error:
        raise loaded.installed.refused(str(error), "declare it once") from error
    problems = missing_handlers(loaded, bus, consumers)
    problems += unready_schedules(loaded, handlers.schedules, consumers)
    problems += misnamed_events(loaded, subscriptions)
    problems += unsound_answers(loaded.name, handlers, bus)
    return bus, consumers, contract_of(loaded.name, "", subscriptions, handlers), problems


def process_name() -> str:
    """This process, as operators find it: host name and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _settings_of(loaded: LoadedContext) -> BaseSettings | None:
    wanted: Any = loaded.manifest.settings
    if wanted is None:
        return None

    def read() -> BaseSettings:
        try:
            return wanted()  # type: ignore[no-any-return] # the manifest's rules see to it
        except ValidationError as error:
            found = settings_problems(wanted, error)
        where = (str(loaded.installed),)
        raise CompositionError([replace(problem, sources=where, contexts=(loaded.name,)) for problem in found])

    return loaded.judged("its settings cannot be read", read)


def _container_of(
    loaded: LoadedContext, core: CoreContainer, settings: BaseSettings | None
) -> containers.Container:
    container: containers.Container | None = loaded.call("container", core=core, settings=settings)
    if container is None:
        return containers.DynamicContainer()
    try:
        container.check_dependencies()
    except WiringError as error:
        what = f"its container is incomplete: {error}"
        raise loaded.installed.refused(what, "give the named providers a value") from error
    return container


def _no_handlers(name: str, core: CoreContainer) -> Handlers:
    """Of a context that has none, as one with nothing but routes."""
    clock = core.clock()
    return Handlers(work=lambda connection: LedgerWork(connection, context=name, clock=clock, translations={}))
