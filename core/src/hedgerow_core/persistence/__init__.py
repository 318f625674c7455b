"""PostgreSQL: one engine, one schema and one role per context; Core statements, no ORM (ADR 0003)."""

from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.database import Database, Isolation
from hedgerow_core.persistence.filters import narrowed
from hedgerow_core.persistence.migrations import (
    ContextMigrations,
    HistoryState,
    MigrationHistory,
    MigrationRunner,
    PendingRevision,
    RevisionFailed,
    build_index,
    drop_index,
)
from hedgerow_core.persistence.moving import ContextIsMoving
from hedgerow_core.persistence.paging import Cursor, SortKey, keyset, page_of, sort_names
from hedgerow_core.persistence.row_scopes import Scoped, parameters_of
from hedgerow_core.persistence.short_statements import insert_row, write_rows

__all__ = [
    "ContextIsMoving",
    "ContextMigrations",
    "Cursor",
    "Database",
    "DatabaseAddress",
    "HistoryState",
    "Isolation",
    "MigrationHistory",
    "MigrationRunner",
    "PendingRevision",
    "RevisionFailed",
    "Scoped",
    "SortKey",
    "build_index",
    "drop_index",
    "insert_row",
    "keyset",
    "narrowed",
    "page_of",
    "parameters_of",
    "sort_names",
    "write_rows",
]
