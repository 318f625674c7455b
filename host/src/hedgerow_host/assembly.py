"""All contexts of a process, built, and what they do together: run, drain, relay. No I/O happens while it is built.

Every problem of the composition is found here or in `mounting`, before anything listens or connects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hedgerow_core.application import Quota, RateLimiter
from hedgerow_core.domain import Clock, SystemClock
from hedgerow_core.http import Gate, OriginCheck, Throttle
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.http.redis_limiter import RedisLimiter
from hedgerow_core.messaging import (
    Chore,
    Dispatcher,
    Hint,
    Hints,
    Housekeeping,
    Recovery,
    Relay,
    Scheduler,
    Subscription,
)
from hedgerow_core.messaging.housekeeping import KEEP_AUDIT
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.questions import Desk
from hedgerow_core.security import PermissionTable, TokenIssuer, TokenVerifier
from hedgerow_host.admin.permissions import PERMISSIONS
from hedgerow_host.completeness import broken_contracts
from hedgerow_host.discovery import LoadedContext
from hedgerow_host.hosted_context import HostedContext, Wakeup, build, process_name
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.published_queries import missing_answers, open_lines, unsound_answers
from hedgerow_host.settings import Environment

NOWHERE = DatabaseAddress.parse("postgresql://nobody@nowhere.invalid/none")
"""For a composition that is only looked at: nothing ever connects there."""

KEEP_EVENTS = timedelta(days=7)

_log = log_of(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """All contexts of this process, in their order."""

    contexts: Sequence[HostedContext]
    environment: Environment
    gate: Gate
    permissions: PermissionTable
    wakeup: Wakeup
    clock: Clock
    limiter: RateLimiter
    keep_events: timedelta
    """How long a full range of an outbox is kept."""
    keep_audit: timedelta = KEEP_AUDIT
    """How long a line of the trail is kept."""

    @property
    def names(self) -> list[str]:
        """The names of the contexts, in their order."""
        return [context.name for context in self.contexts]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Enter every context's lifespan; leave them and close the engines afterwards."""
        async with AsyncExitStack() as stack:
            if isinstance(self.limiter, RedisLimiter):
                stack.push_async_callback(self.limiter.close)
            for context in self.contexts:
                stack.push_async_callback(context.database.close)
                if context.loaded.implements("lifespan"):
                    await stack.enter_async_context(_told_if_it_fails(context))
            yield

    async def drain(self, hint: Hint) -> None:
        """Work off what a hint points at. A hint for a context that isn't hosted here is left to others."""
        for context in self.contexts:
            if context.name == hint.context:
                await context.drain(hint)

    def dispatchers(self, hints: Hints) -> list[Dispatcher]:
        """One per context; they wake up whenever this process commits something."""
        dispatchers = [
            Dispatcher(context.database, relays_of(context), context.consumers, hints, self._chores(context))
            for context in self.contexts
        ]
        for dispatcher in dispatchers:
            self.wakeup.wakes(dispatcher.nudge)
        return dispatchers

    def _chores(self, context: HostedContext) -> list[Chore]:
        return [
            Scheduler(context.database, context.handlers.schedules, self.clock),
            Housekeeping(
                context.database, context.consumers, keep_events=self.keep_events, keep_audit=self.keep_audit
            ),
        ]


def assemble(
    loaded: Sequence[LoadedContext],
    *,
    environment: Environment,
    data_dir: Path,
    address: DatabaseAddress = NOWHERE,
    clock: Clock | None = None,
    keep_events: timedelta = KEEP_EVENTS,
    keep_audit: timedelta = KEEP_AUDIT,
    limiter: RateLimiter | None = None,
    quota: Quota | None = None,
    browser_origins: Iterable[str] = (),
    database: type[Database] = Database,
) -> Assembly:
    """Build all contexts. `quota` is what every route allows a caller; without one, nothing is throttled.

    Pages of `browser_origins` may act with a cookie, besides those of the host's own origin. `database` is the kind
    that the contexts get.

    Raises:
        CompositionError: lists every problem found.
    """
    wakeup = Wakeup()
    recovery = Recovery()
    clock = clock or SystemClock()
    limiter = limiter or InProcessLimiter()
    declared = [*PERMISSIONS, *(p for context in loaded for p in context.manifest.permissions)]
    permissions = PermissionTable(declared, contexts=[context.name for context in loaded])
    origins = OriginCheck(browser_origins)
    desks = {context.name: Desk(context.name) for context in loaded}
    contexts: list[HostedContext] = []
    problems: list[Problem] = []
    for context in loaded:
        core = CoreContainer(
            context=context.name,
            environment=str(environment),
            data_dir=data_dir,
            clock=clock,
            database=database(address, context.name, constraints=context.manifest.constraints),
            limiter=limiter,
            permissions=permissions,
            origins=origins,
            questions=desks[context.name],
        )
        try:
            contexts.append(build(context, core, wakeup, recovery))
        except CompositionError as error:
            problems += error.problems
    problems += unsound_answers(contexts)
    problems += missing_answers(contexts, desks.keys())
    problems += broken_contracts({context.name: (context.subscriptions, context.handlers) for context in contexts})
    problems += _named_twice(
        [(context.name, issuer.issuer) for context in contexts for issuer in context.issuers],
        what="is an issuer of tokens for two contexts",
        fix="let one of them vouch for it",
    )
    problems += _named_twice(
        [(context.name, authority.prefix) for context in contexts for authority in context.key_authorities],
        what="is the prefix of two contexts' keys",
        fix="give the keys of one of them another prefix",
    )
    if problems:
        raise CompositionError(problems)
    open_lines(contexts, desks)
    verifier = TokenVerifier([*issuers, *(issuer for context in contexts for issuer in context.issuers)], clock)
    keys = [authority for context in contexts for authority in context.key_authorities]
    return Assembly(
        contexts=contexts,
        environment=environment,
        gate=Gate(
            verifier,
            permissions,
            Throttle(limiter, quota) if quota else None,
            keys=keys,
            cookies=[mode for context in contexts for mode in context.cookies],
            origins=origins,
        ),
        permissions=permissions,
        wakeup=wakeup,
        clock=clock,
        limiter=limiter,
        keep_events=keep_events,
        keep_audit=keep_audit,
    )


def relays_of(context: HostedContext) -> list[Relay]:
    """What carries events to a context: one relay for each publisher that it listens to."""
    wanted: dict[str, list[Subscription]] = {}
    for subscription in context.subscriptions.subscribes:
        wanted.setdefault(subscription.publisher, []).append(subscription)
    return [
        Relay(context.database, publisher, subscriptions, holder=process_name())
        for publisher, subscriptions in wanted.items()
    ]


@asynccontextmanager
async def _told_if_it_fails(context: HostedContext) -> AsyncIterator[None]:
    entered = False
    try:
        async with context.loaded.call("lifespan", container=context.container):
            entered = True
            yield
    except Exception as error:
        if not entered:
            _log.error("lifespan_failed", context=context.name, error=f"{type(error).__name__}: {error}")
        raise


def _named_twice(names: Iterable[tuple[str, str]], *, what: str, fix: str) -> Iterator[Problem]:
    """`names` are pairs of a context and something that it calls its own."""
    first: dict[str, str] = {}
    for context, name in names:
        other = first.setdefault(name, context)
        if other != context:
            yield Problem(
                subject=name,
                what=what,
                sources=(f"authenticators of {other}", f"authenticators of {context}"),
                fix=fix,
            )
