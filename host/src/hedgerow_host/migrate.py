"""Brings the database to what the hosted contexts expect, and looks at it before a process starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import (
    ContextMigrations,
    DatabaseAddress,
    Isolation,
    MigrationRunner,
    PendingRevision,
)
from hedgerow_host.discovery import LoadedContext


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a process must know about its database before it starts."""

    pending: Sequence[PendingRevision]
    isolation: Mapping[str, Isolation]


def runner_for(address: DatabaseAddress, contexts: Sequence[LoadedContext]) -> MigrationRunner:
    """A runner for the contexts, in their order; each gets the ledger first and its own history after it."""
    histories = []
    for context in contexts:
        own = context.call("migrations")
        histories.append(ContextMigrations(context.name, [LEDGER] if own is None else [LEDGER, own]))
    return MigrationRunner(address, histories)


async def inspect_database(address: DatabaseAddress, contexts: Sequence[LoadedContext]) -> Inspection:
    """Look, change nothing.

    Raises:
        UnavailableError: the database is away.
    """
    runner = runner_for(address, contexts)
    return Inspection(await runner.pending(), await runner.isolation())
