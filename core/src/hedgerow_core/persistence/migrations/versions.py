"""Which revisions schemas are at: read in two statements, however many contexts there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

VersionTable = tuple[str, str]
"""Schema and name of the table in which Alembic notes a history's revision."""

_THERE = text(
    """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (:schemas) AND c.relname = ANY (:names)
    """
)
_AT = """SELECT '{0}' AS schema, '{1}' AS name, version_num FROM "{0}"."{1}" """


async def revisions_at(
    connection: AsyncConnection, tables: Collection[VersionTable]
) -> Mapping[VersionTable, tuple[str, ...]]:
    """The revisions that each history is at; none of one that has never been migrated."""
    wanted = {"schemas": [schema for schema, _ in tables], "names": [name for _, name in tables]}
    there = {(schema, name) for schema, name in await connection.execute(_THERE, wanted)}
    found: dict[VersionTable, list[str]] = {table: [] for table in tables}
    if known := sorted(there & found.keys()):
        union = " UNION ALL ".join(_AT.format(*table) for table in known)
        for schema, name, revision in await connection.execute(text(f"{union} ORDER BY version_num")):
            found[schema, name].append(revision)
    await connection.rollback()
    return {table: tuple(revisions) for table, revisions in found.items()}
