"""From settings to a process that may start: contexts loaded, database inspected, assembly built."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from hedgerow_core.caching import CacheStore
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database, DatabaseAddress, Isolation
from hedgerow_core.replication import Replica
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.caches import cache_for
from hedgerow_host.catalog import notes_on
from hedgerow_host.counted_crossings import count_crossings
from hedgerow_host.database import told_if_away
from hedgerow_host.discovery import hosted_contexts
from hedgerow_host.exits import not_started
from hedgerow_host.last_words import witnessed
from hedgerow_host.migrate import isolation_when_migrated, migrate_contexts, runner_for
from hedgerow_host.migration_files import unsound_migrations
from hedgerow_host.mounting import routes_of
from hedgerow_host.problems import Problem
from hedgerow_host.rate_limits import limiter_for, quota_of_all_routes
from hedgerow_host.settings import HostSettings
from hedgerow_host.unknown_variables import unknown_variables
from hedgerow_host.wire import remotes_of

_log = log_of(__name__)


@asynccontextmanager
async def entered(assembly: Assembly) -> AsyncIterator[None]:
    """Hold the lifespans of the contexts open, in a process that serves.

    Raises:
        HostError: one of them failed; the log has said which, why and where.
    """
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(assembly.running())
        except Exception as error:
            raise not_started() from error
        yield


@witnessed()
def started(
    settings: HostSettings,
    address: DatabaseAddress,
    *,
    migrate: bool = False,
    database: type[Database] = Database,
    cache: CacheStore | None = None,
    replica: Replica | None = None,
) -> Assembly:
    """The assembly on a database that is there and migrated; `migrate` brings it up to date first.

    Answers are remembered where the settings say; if they don't, in `cache`. A `replica` may answer who looks.

    Raises:
        CompositionError: the contexts don't fit together.
        HostError: the database is away, or migrations are pending.
    """
    loaded, quarantine = hosted_contexts(settings)
    assembly = assemble(
        loaded,
        quarantine=quarantine,
        environment=settings.env,
        data_dir=settings.data_dir,
        address=address,
        keep_events=timedelta(days=settings.keep_events_days),
        keep_audit=timedelta(days=settings.keep_audit_days),
        limiter=limiter_for(settings, address),
        cache=cache_for(settings, address) or cache,
        replica=replica,
        quota=quota_of_all_routes(settings),
        browser_origins=(settings.cors_origins or ()) if settings.cors_credentials else (),
        database=database,
        remotes=remotes_of(settings, [context.name for context in loaded]),
    )
    for name in quarantine.problems:
        quarantine.tell(name)
    routes_of(assembly)  # in a worker, too: a context is out in all roles, or in none
    with told_if_away(address):
        isolation = asyncio.run(_prepared(address, assembly, migrate=migrate))
    for context in assembly.contexts:
        context.database.isolation = isolation[context.name]
        count_crossings(context.database)
        if context.database.isolation is Isolation.SCHEMA:
            _log.warning(
                "no_role", context=context.name, note="the database user may not take the context's role (ADR 0006)"
            )
        for note in notes_on(assembly, context.name):
            _log.warning("publisher_absent", context=context.name, note=note)
    for unknown in unknown_variables(assembly.contexts):
        _log.warning("unknown_variable", variable=unknown.name, fix=unknown.fix)
    return assembly


async def _prepared(address: DatabaseAddress, assembly: Assembly, *, migrate: bool) -> Mapping[str, Isolation]:
    """How data is kept apart in the migrated database. Optional contexts that are not migrated are left out."""
    if migrate:
        loaded = [context.loaded for context in assembly.contexts]
        _ran, failed = await migrate_contexts(address, loaded, assembly.quarantine.optional)
        assembly.leave_out(failed)
    if assembly.quarantine.optional:
        assembly.leave_out(_unsound(assembly))
        assembly.leave_out(await _behind(address, assembly))
    return await isolation_when_migrated(address, [context.loaded for context in assembly.contexts])


def _unsound(assembly: Assembly) -> list[Problem]:
    """What is wrong with the migrations of optional contexts: what they are behind by is read with them run."""
    optional = [context for context in assembly.contexts if context.name in assembly.quarantine.optional]
    return [problem for context in optional for problem in unsound_migrations(context.loaded, run=True)]


async def _behind(address: DatabaseAddress, assembly: Assembly) -> list[Problem]:
    """Optional contexts whose migrations are pending."""
    optional = [context for context in assembly.contexts if context.name in assembly.quarantine.optional]
    pending = await runner_for(address, [context.loaded for context in optional]).pending()
    return [
        context.loaded.installed.problem(
            f"its migrations are pending: {', '.join(steps)}", "run `hedgerow migrate`, then start again"
        )
        for context in optional
        if (steps := [step.revision for step in pending if step.context == context.name])
    ]
