"""All contexts of a process, built, and what they do together: run, drain, relay. No I/O happens while it is built.

Every problem of the composition is found here or in `mounting`, before anything listens or connects.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hedgerow_core.application import Quota, RateLimiter
from hedgerow_core.application.cache import Uncached
from hedgerow_core.caching import CacheStore, StoredCache
from hedgerow_core.domain import Clock, SystemClock
from hedgerow_core.http import ContextRouter, Gate, OriginCheck, Throttle
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.http.redis_limiter import RedisLimiter
from hedgerow_core.messaging import Dispatcher, Hint, Hints, Recovery
from hedgerow_core.messaging.housekeeping import KEEP_AUDIT
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.plugin import CoreContainer
from hedgerow_core.questions import Desk
from hedgerow_core.replication import Replica
from hedgerow_core.security import PermissionTable, TokenIssuer, TokenVerifier
from hedgerow_core.wire import Peer
from hedgerow_host.between_contexts import clashes_of, needs_of
from hedgerow_host.common_ground import CommonGround
from hedgerow_host.dispatching import dispatcher_of
from hedgerow_host.hosted_context import HostedContext, Wakeup, build
from hedgerow_host.lifespans import Lifespan, LifespanFailed, watching_threads
from hedgerow_host.loading import LoadedContext
from hedgerow_host.problems import CompositionError, Problem, place_in, said_by
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.wire import Remotes, remotes_of

NOWHERE = DatabaseAddress.parse("postgresql://nobody@nowhere.invalid/none")
"""For a composition that is only looked at: nothing ever connects there."""

KEEP_EVENTS = timedelta(days=7)

_log = log_of(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """All contexts of this process, in their order."""

    contexts: list[HostedContext]
    """Those that are in. One that has to leave is taken out of here, and is in `quarantine`."""
    quarantine: Quarantine
    environment: Environment
    common: CommonGround
    wakeup: Wakeup
    clock: Clock
    limiter: RateLimiter
    cache: CacheStore | None
    """Where answers are remembered; None where nothing is."""
    replica: Replica | None
    """What answers who only looks, besides the primary."""
    remotes: Remotes
    """The contexts that live on other hosts."""
    keep_events: timedelta
    """How long a full range of an outbox is kept."""
    keep_audit: timedelta = KEEP_AUDIT
    """How long a line of the trail is kept."""
    broken: dict[str, list[Problem]] = field(default_factory=dict)
    """Contexts that are required, and have let something die in the background: they go on with what is left."""
    when_leaving: list[Callable[[str], None]] = field(default_factory=list)
    """Told the names of contexts that have to leave."""
    own_routers: dict[tuple[str, ...], ContextRouter] = field(default_factory=dict)
    """The host's own routes, by the contexts that they are about: they are asked for twice in a start."""

    @property
    def names(self) -> list[str]:
        """The names of the contexts, in their order."""
        return [context.name for context in self.contexts]

    @property
    def peers(self) -> Mapping[str, Peer]:
        """The ways to the contexts that live on other hosts, by name."""
        return self.remotes.peers

    @property
    def gate(self) -> Gate:
        """Who guards the routes."""
        return self.common.gate

    @property
    def permissions(self) -> PermissionTable:
        """What there is to be permitted."""
        return self.common.permissions

    def leave_out(self, problems: Sequence[Problem], *, serving: bool = False) -> None:
        """Take the optional contexts out that these problems are about, and those that can't do without them.

        Raises:
            CompositionError: a problem is about none, or a required context can't do without one that leaves. Not
                in a process that is `serving`: there it has to go on.
        """
        while problems:
            self.quarantine.take_in(problems)
            staying = self.quarantine.spared(self.contexts)
            there = [*(context.name for context in staying), *self.peers]
            needs = needs_of(staying, there, self.quarantine)
            problems = [problem for problem in needs if not serving or self.quarantine.takes(problem)]
        leaving = [context.name for context in self.contexts if context.name in self.quarantine]
        self.contexts[:] = self.quarantine.spared(self.contexts)
        self.common.settle(self.contexts)
        for name in leaving:
            self.quarantine.tell(name)
            for told in self.when_leaving:
                told(name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Enter every context's lifespan; leave them and close the engines afterwards.

        An optional context whose lifespan fails, then or later, is left out.
        """
        async with AsyncExitStack() as stack:
            if isinstance(self.limiter, RedisLimiter):
                stack.push_async_callback(self.limiter.close)
            if self.replica is not None:
                await stack.enter_async_context(self.replica.watched())
            if self.cache is not None:
                stack.push_async_callback(self.cache.close)
            stack.push_async_callback(self.remotes.close)
            contexts = list(self.contexts)
            stack.enter_context(watching_threads(contexts, self._died))
            for context in contexts:
                stack.push_async_callback(context.database.close)
                if context.loaded.implements("lifespan") and context.name not in self.quarantine:
                    await self._enter(Lifespan(context, self._died), context, stack)
            yield

    async def drain(self, hint: Hint) -> None:
        """Work off what a hint points at. A hint for a context that isn't hosted here is left to others."""
        for context in self.contexts:
            if context.name == hint.context:
                await context.drain(hint)

    def take_no_more(self) -> None:
        """Have every drain end after what it has begun, and give its partition back."""
        for context in self.contexts:
            context.drain.stop()

    def dispatchers(self, hints: Hints) -> list[Dispatcher]:
        """One per context; they wake up whenever this process commits something."""
        dispatchers = {
            context.name: dispatcher_of(
                context,
                hints,
                clock=self.clock,
                keep_events=self.keep_events,
                keep_audit=self.keep_audit,
                peers=self.peers,
                wakeup=self.wakeup,
            )
            for context in self.contexts
        }
        for dispatcher in dispatchers.values():
            self.wakeup.wakes(dispatcher.nudge)
        self.when_leaving.append(lambda name: dispatchers[name].stop())
        return list(dispatchers.values())

    async def _enter(self, lifespan: Lifespan, context: HostedContext, stack: AsyncExitStack) -> None:
        try:
            await lifespan.enter()
        except LifespanFailed as failure:
            if not self.quarantine.takes(failure.problem):
                where = failure.problem.sources[-1]
                _log.error("lifespan_failed", context=context.name, error=failure.problem.what, at=where)
                raise failure.__cause__ if isinstance(failure.__cause__, Exception) else failure  # noqa: B904
            try:
                self.leave_out([failure.problem])
            except CompositionError as error:
                _log.error("lifespan_failed", context=context.name, error=str(error))
                raise
        else:
            stack.push_async_callback(lifespan.leave)

    def _died(self, context: HostedContext, error: BaseException) -> None:
        """Nothing can be stopped any more: who is required goes on with what is left of it."""
        installed = context.loaded.installed
        problem = installed.problem(
            f"what it does in the background has ended: {said_by(error)}",
            "mend it, and start again",
            *place_in(error, installed.package),
        )
        _log.error("background_failed", context=context.name, problem=problem.what, sources=problem.sources)
        if self.quarantine.takes(problem):
            self.leave_out([problem], serving=True)
        else:
            self.broken.setdefault(context.name, []).append(problem)


def assemble(
    loaded: Sequence[LoadedContext],
    *,
    environment: Environment,
    data_dir: Path,
    address: DatabaseAddress = NOWHERE,
    clock: Clock | None = None,
    keep_events: timedelta = KEEP_EVENTS,
    keep_audit: timedelta = KEEP_AUDIT,
    quarantine: Quarantine | None = None,
    limiter: RateLimiter | None = None,
    cache: CacheStore | None = None,
    replica: Replica | None = None,
    quota: Quota | None = None,
    browser_origins: Iterable[str] = (),
    issuers: Sequence[TokenIssuer] = (),
    database: type[Database] = Database,
    remotes: Remotes | None = None,
) -> Assembly:
    """Build all contexts. `quota` is what every route allows a caller; without one, nothing is throttled.

    Answers are remembered in `cache`; without one, nowhere. A `replica` may answer who looks.

    What is wrong with a context that `quarantine` takes in leaves it out; else it ends the composition. Pages of
    `browser_origins` may act with a cookie, besides those of the host's own origin. Tokens of `issuers` are
    believed besides those that contexts vouch for: a test makes up its callers. `database` is the kind that the
    contexts get. What they need of others may also be among the `remotes`.

    Raises:
        CompositionError: lists every problem found.
    """
    quarantine = quarantine or Quarantine()
    wakeup = Wakeup()
    recovery = Recovery()
    clock = clock or SystemClock()
    limiter = limiter or InProcessLimiter()
    remotes = remotes or remotes_of(HostSettings.model_construct(data_dir=data_dir), clock=clock)
    hosted = [context.name for context in loaded]
    permissions = PermissionTable((each for context in loaded for each in context.manifest.permissions), hosted)
    origins = OriginCheck(browser_origins)
    gate = Gate(TokenVerifier([], clock), permissions, Throttle(limiter, quota) if quota else None, origins=origins)
    desks = {name: Desk(name) for name in hosted}
    common = CommonGround(permissions, gate, desks, issuers, remotes.contexts)
    contexts: list[HostedContext] = []
    problems: list[Problem] = [*remotes.problems]
    for context in loaded:
        core = CoreContainer(
            context=context.name,
            environment=str(environment),
            data_dir=data_dir,
            clock=clock,
            database=database(address, context.name, constraints=context.manifest.constraints, replica=replica),
            limiter=limiter,
            cache=StoredCache(cache, context.name) if cache is not None else Uncached(),
            permissions=permissions,
            origins=origins,
            questions=common.desks[context.name],
        )
        try:
            contexts.append(build(context, core, wakeup, recovery))
        except CompositionError as error:
            problems += error.problems
    while problems := [
        *problems,
        *needs_of(contexts, [*hosted, *remotes.peers], quarantine),
        *clashes_of(contexts),
    ]:
        quarantine.take_in(problems)
        contexts, problems = quarantine.spared(contexts), []
        hosted = [context.name for context in contexts]
    common.settle(contexts)
    return Assembly(
        contexts=contexts,
        quarantine=quarantine,
        environment=environment,
        common=common,
        wakeup=wakeup,
        clock=clock,
        limiter=limiter,
        cache=cache,
        replica=replica,
        remotes=remotes,
        keep_events=keep_events,
        keep_audit=keep_audit,
    )
