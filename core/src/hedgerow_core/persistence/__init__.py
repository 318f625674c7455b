"""PostgreSQL: one engine, one schema and one role per context; Core statements, no ORM (ADR 0003)."""

from hedgerow_core.persistence.database import Database, DatabaseAddress, Isolation
from hedgerow_core.persistence.filters import narrowed
from hedgerow_core.persistence.migrations import (
    ContextMigrations,
    MigrationHistory,
    MigrationRunner,
    PendingRevision,
)
from hedgerow_core.persistence.paging import Cursor, SortKey, keyset, page_of, sort_names
from hedgerow_core.persistence.row_scopes import Scoped, parameters_of

__all__ = [
    "ContextMigrations",
    "Cursor",
    "Database",
    "DatabaseAddress",
    "Isolation",
    "MigrationHistory",
    "MigrationRunner",
    "PendingRevision",
    "Scoped",
    "SortKey",
    "keyset",
    "narrowed",
    "page_of",
    "parameters_of",
    "sort_names",
]
