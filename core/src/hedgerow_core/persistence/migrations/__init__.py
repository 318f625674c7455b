"""Migrations: what packages bring, bringing a database there without being in anybody's way, and looking before."""

from hedgerow_core.persistence.migrations.histories import ContextMigrations, MigrationHistory
from hedgerow_core.persistence.migrations.indexes import build_index, drop_index
from hedgerow_core.persistence.migrations.runner import (
    HistoryState,
    MigrationRunner,
    PendingRevision,
    RevisionFailed,
)

__all__ = [
    "ContextMigrations",
    "HistoryState",
    "MigrationHistory",
    "MigrationRunner",
    "PendingRevision",
    "RevisionFailed",
    "build_index",
    "drop_index",
]
