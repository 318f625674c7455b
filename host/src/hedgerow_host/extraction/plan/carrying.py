"""What the move cannot carry, because it copies rows by primary key while triggers tell it what changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence.migration_tables import tables_made_by
from hedgerow_host.extraction.plan.objects import EXTENSIONS
from hedgerow_host.extraction.plan.obstacles import Obstacle

KEPT_STILL = ("outbox_retirements",)
"""A table of the ledger that has no key and needs none: nobody writes to it during a move, and it has few rows."""
FOREIGN, MATERIALISED = "f", "m"
"""Kinds of PostgreSQL's catalog that look like tables and are none."""

# A table that has parts is as large as they are together. -1 rows: nobody has analysed it yet.
_TABLES = text(
    """
    SELECT c.relname AS name, c.relkind::text AS kind, c.relpersistence = 'u' AS unlogged,
        c.relforcerowsecurity AS hides, pg_has_role(c.relowner, 'USAGE') AS ours,
        EXISTS (
            SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
              AND i.indpred IS NULL AND i.indexprs IS NULL
              AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
                AND NOT a.attnotnull)
        ) AS has_key,
        whole.bytes, whole.rows, whole.analysed
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(pg_total_relation_size(part.oid)), 0)::bigint AS bytes,
            coalesce(sum(greatest(part.reltuples, 0)), 0)::bigint AS rows,
            coalesce(bool_and(part.reltuples >= 0), false) AS analysed
        FROM (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) tree(oid)
        JOIN pg_class part ON part.oid = tree.oid AND part.relkind <> 'p'
    ) whole
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :context)
      AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT c.relispartition
    ORDER BY c.relname
    """
)
# What names rows of PostgreSQL's own catalog, its transactions or its log. `lo` is a domain over oid.
_COLUMNS = text(
    """
    SELECT c.relname AS name, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
        coalesce(base.typname, t.typname) = 'oid' AS maybe_large
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type base ON base.oid = t.typbasetype
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :context)
      AND a.attnum > 0 AND NOT a.attisdropped
      AND (coalesce(base.typname, t.typname) IN
             ('oid', 'xid', 'xid8', 'cid', 'tid', 'pg_lsn', 'pg_snapshot', 'txid_snapshot')
           OR coalesce(base.typname, t.typname) LIKE 'reg%')
    ORDER BY 1, 2
    """
)
_ALWAYS = text(
    """
    SELECT c.relname AS name, t.tgname AS trigger FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :context)
      AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R') AND NOT c.relispartition
    ORDER BY 1, 2
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """A table that moves."""

    name: str
    bytes: int
    """With its indexes."""
    rows: int | None
    """As PostgreSQL last estimated; None if it never has."""


async def sizes(connection: AsyncConnection, context: str) -> list[TableSize]:
    """Every table of the schema that has rows of its own, the largest first."""
    rows = await connection.execute(_TABLES, {"context": context})
    found = [
        TableSize(name=row.name, bytes=row.bytes, rows=row.rows if row.analysed else None)
        for row in rows
        if row.kind not in (FOREIGN, MATERIALISED)
    ]
    return sorted(found, key=lambda table: (-table.bytes, table.name))


async def not_carried(
    connection: AsyncConnection, context: str, extensions_there: Collection[str]
) -> AsyncIterator[Obstacle]:
    """What is in the schema and would be lost. `extensions_there` are those that the other database has already."""
    for row in await connection.execute(_TABLES, {"context": context}):
        for kind, what, fix in _about_table(row):
            named = f"{context}.{row.name}"
            yield Obstacle(kind=kind, subject=named, what=what, fix=fix, object=f"table {named}")
    of_ledger = set(tables_made_by(LEDGER))
    for row in await connection.execute(_COLUMNS, {"context": context}):
        if row.name in of_ledger:
            continue  # the move gives these new values by itself
        large = ", and if it names large objects, they stay behind" if row.maybe_large else ""
        yield Obstacle(
            kind="value_of_this_cluster",
            subject=f"{context}.{row.name}.{row.column}",
            what=f"is of type {row.type}{large}",
            fix="store a value of your own: an id, a time, or the bytes themselves as bytea",
            object=f"column {context}.{row.name}.{row.column}",
        )
    for row in await connection.execute(_ALWAYS, {"context": context}):
        yield Obstacle(
            kind="fires_while_copying",
            subject=row.trigger,
            what="is enabled ALWAYS or REPLICA",
            fix=f"ALTER TABLE {context}.{row.name} ENABLE TRIGGER {row.trigger}, by a migration",
            object=f"trigger {row.trigger} on {context}.{row.name}",
        )
    for row in await connection.execute(EXTENSIONS, {"context": context}):
        if row.extension not in extensions_there:
            yield Obstacle(
                kind="extension",
                subject=context,
                what=f"needs the extension {row.extension}",
                fix=f"CREATE EXTENSION {row.extension} in the other database, and name that by --to",
                object=row.object,
            )


def _about_table(row: Row[Any]) -> Iterator[tuple[str, str, str]]:
    """Kind, what and fix of all that is the matter with a table as such."""
    if row.kind == FOREIGN:
        yield "no_table", "is a foreign table", "keep the rows in a table of the context, or drop it"
    elif row.kind == MATERIALISED:
        yield "no_table", "is a materialised view", "drop it by a migration; bring it back after the move"
    else:
        if not row.has_key and row.name not in KEPT_STILL:
            yield "no_key", "has no primary key, and no other", "give it a primary key, by a migration"
        if row.unlogged:
            yield "unlogged_table", "is unlogged", f"ALTER TABLE {row.name} SET LOGGED, by a migration"
        if row.hides:
            fix = f"ALTER TABLE {row.name} NO FORCE ROW LEVEL SECURITY, by a migration"
            yield "hidden_rows", "has row level security that binds its owner, too", fix
        if not row.ours:
            fix = "let its owner say ALTER TABLE … OWNER TO whoever migrates, or connect as that one"
            yield "not_ours", "belongs to somebody else", fix
