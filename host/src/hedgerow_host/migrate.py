"""Brings the database to what the hosted contexts expect, and looks at it before a process starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import (
    ContextMigrations,
    DatabaseAddress,
    Isolation,
    MigrationRunner,
    PendingRevision,
)
from hedgerow_core.persistence.migrations.waiting import BLOCKED, DEFAULT_PATIENCE
from hedgerow_host.discovery import hosted_contexts
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.loading import LoadedContext
from hedgerow_host.problems import Problem, place_in, said_by
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.settings import HostSettings


def migrations_of(contexts: Sequence[LoadedContext]) -> list[ContextMigrations]:
    """The histories of the contexts, in their order: the ledger's first, and a context's own after it."""
    histories = []
    for context in contexts:
        own = context.call("migrations")
        histories.append(ContextMigrations(context.name, [LEDGER] if own is None else [LEDGER, own]))
    return histories


def runner_for(address: DatabaseAddress, contexts: Sequence[LoadedContext]) -> MigrationRunner:
    """A runner for the contexts, in their order."""
    return MigrationRunner(address, migrations_of(contexts))


async def migrate_contexts(
    address: DatabaseAddress,
    contexts: Sequence[LoadedContext],
    optional: Collection[str] = (),
    *,
    patience: timedelta = DEFAULT_PATIENCE,
) -> tuple[list[PendingRevision], list[Problem]]:
    """Bring contexts up to date: what ran, and what is wrong with those of the `optional` ones that failed.

    Raises:
        UnavailableError: the database is away, another host migrates, or somebody held a lock for too long.
        RevisionFailed: PostgreSQL refused a statement.
    """
    installed = {context.name: context.installed for context in contexts}
    failed: list[Problem] = []

    def forgives(name: str, error: Exception) -> bool:
        is_its_own = not isinstance(error, UnavailableError) or error.code == BLOCKED
        if name not in optional or not is_its_own:
            return False
        places = place_in(error, installed[name].package)
        what = f"its migrations failed: {said_by(error)}"
        failed.append(installed[name].problem(what, "mend what the error names, then migrate again", *places))
        return True

    ran = await runner_for(address, contexts).apply(patience=patience, forgives=forgives)
    return ran, failed


async def isolation_when_migrated(
    address: DatabaseAddress, contexts: Sequence[LoadedContext]
) -> Mapping[str, Isolation]:
    """How each context's data is kept apart, in a database that is up to date. Looks, changes nothing.

    Raises:
        HostError: migrations are pending.
        UnavailableError: the database is away.
    """
    pending, isolation = await runner_for(address, contexts).before_a_start()
    if pending:
        names = ", ".join(f"{step.context} {step.revision}" for step in pending)
        raise HostError(
            f"{len(pending)} migrations are pending: {names}",
            fix="run `hedgerow migrate`, then start again",
            code=ExitCode.CHECK_FAILED,
        )
    return isolation


def chosen_contexts(settings: HostSettings, name: str | None) -> list[LoadedContext]:
    """All hosted contexts that can be loaded, or the one that a command names.

    Raises:
        HostError: it is not hosted here.
    """
    return chosen_among(*hosted_contexts(settings), name)


def chosen_among(
    contexts: Sequence[LoadedContext], quarantine: Quarantine, name: str | None
) -> list[LoadedContext]:
    """The same, of contexts that are loaded already."""
    if name is not None and name not in [context.name for context in contexts]:
        raise HostError(
            quarantine.absence(name),
            fix=f"choose one of {', '.join(context.name for context in contexts)}",
            code=ExitCode.MISCONFIGURED,
        )
    return [context for context in contexts if name in (None, context.name)]
