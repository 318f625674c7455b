"""What hooks return: frozen declarations that can be listed, compared and blamed. The host does the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic_settings import BaseSettings
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Bus, CommandHandler, QueryHandler
from hedgerow_core.application.concerns import ConcernKind
from hedgerow_core.domain import DomainError, Secret
from hedgerow_core.messaging import (
    EventContract,
    LedgerWork,
    OutboundTaskHandler,
    Schedule,
    Subscription,
    TaskHandler,
)
from hedgerow_core.questions import PublishedQuery, Question
from hedgerow_core.security import Permission

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Who a context is and what it needs. The host reads it before it builds anything of the context."""

    name: str
    """Also its schema, its URL prefix and the first part of its event, permission and error names."""
    version: str
    core_api: str
    """The range of core API versions it works with, as a PEP 440 specifier: `>=0.1,<0.2`."""
    requires: tuple[str, ...] = ()
    """Contexts without which it cannot start. They start and migrate first."""
    optional: tuple[str, ...] = ()
    """Contexts that it listens to or asks when they are there."""
    settings: type[BaseSettings] | None = None
    permissions: tuple[Permission, ...] = ()
    constraints: Mapping[str, Callable[[], DomainError]] = field(default_factory=dict)
    """Which domain error stands behind a database constraint, so that a lost race is a conflict, not a crash."""
    concerns: tuple[ConcernKind, ...] = ()
    """What the numbers stand for that its hook `checks` may answer with."""


class CommandRunner(Protocol):
    """How a verb of the command line works on its context: given by the host to the hook `cli`."""

    def __call__(self, work: Callable[[Any, Bus], Awaitable[Answer]], /) -> Answer:
        """Run `work(container, bus)` on the configured database and return its answer.

        No lifespan is entered. The database must be there and migrated; otherwise the command ends with a message.
        """
        ...


class Impersonation(Protocol):
    """How the command line speaks for somebody: returned by the hook `impersonate` (ADR 0030)."""

    async def __call__(self, email: str, *, why: str) -> Secret | None:
        """A short-lived access token of the account with this address; None if nobody has it.

        Called outside of transactions, with the operator as the current cause. Who speaks for whom, and `why`, is
        written down before. Raises a domain error if the owner could not log in either.
        """
        ...


class UnusableSetting(Exception):
    """For the hook `container` to raise: a setting that is missing, or not fit for this environment.

    The host shows it like every other problem of settings: the variable, what is wrong, and the fix. Of several,
    raise an `ExceptionGroup`, so that all are shown at once.
    """

    def __init__(self, variable: str, what: str, *, fix: str) -> None:
        super().__init__(f"{variable} {what}")
        self.variable = variable
        self.what = what
        self.fix = fix


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """The use cases of a context, and how to open the unit of work that commands and deliveries run in."""

    work: Callable[[AsyncConnection], LedgerWork]
    commands: tuple[CommandHandler[Any], ...] = ()
    queries: tuple[QueryHandler[Any], ...] = ()
    tasks: tuple[TaskHandler | OutboundTaskHandler, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    answers: tuple[PublishedQuery, ...] = ()
    """Which of the queries other contexts may ask, and under which names."""
    asks: tuple[Question[Any], ...] = ()
    """The published queries of other contexts that this one asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """The events a context publishes, and those it listens to."""

    publishes: tuple[type[EventContract], ...] = ()
    subscribes: tuple[Subscription, ...] = ()
