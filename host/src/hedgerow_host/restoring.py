"""How a removed context comes back: a script for psql in its archive, which puts its rows into a fresh schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence.migrations.histories import OWN

SCRIPT = "restore.sql"
VERSIONS = (LEDGER.version_table, OWN)
LEFT_AS_MADE = (*VERSIONS, "outbox_ranges")
"""Tables that are about the schema itself: a fresh one has its own versions, and its own ranges of the outbox."""

_HEAD = """\
-- Written by `hedgerow contexts remove`. With a release of that time installed, on the same server:
--   hedgerow migrate --context {schema}
--   cd THIS_FOLDER && psql --file={script} "$HEDGEROW_DATABASE_URL"
-- All of it, or nothing. On another server the ledger's numbers of transactions would mean something else.
\\set ON_ERROR_STOP on
BEGIN;
"""
_GUARD = """\
DO $$
DECLARE
    found text := (SELECT string_agg(version_num, ', ' ORDER BY version_num) FROM {table});
BEGIN
    IF found IS DISTINCT FROM '{expected}' THEN
        RAISE EXCEPTION '{table} is at %, and what was archived at {expected}', found
            USING HINT = 'migrate with the release that was installed then';
    END IF;
END $$;
"""

# Computed columns are computed again.
_COLUMNS = text(
    """
    SELECT relname, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p') AND NOT relispartition
        AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    GROUP BY relname ORDER BY relname
    """
)
_REFERENCES = text(
    """
    SELECT format('%I.%I', nspname, relname), quote_ident(conname), condeferrable, condeferred
    FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = :schema AND contype = 'f' AND conparentid = 0 ORDER BY 1, 2
    """
)
_SEQUENCES = text(
    """
    SELECT quote_ident(sequencename), last_value FROM pg_sequences
    WHERE schemaname = :schema AND last_value IS NOT NULL
    """
)


async def columns_of(connection: AsyncConnection, schema: str) -> dict[str, str]:
    """The columns of each table that can be written, quoted, with commas between them."""
    rows = (await connection.execute(_COLUMNS, {"schema": schema})).all()
    return {row[0]: row[1] for row in rows}


async def restore_script(connection: AsyncConnection, schema: str) -> str:
    """The script, for what is in this schema now."""
    columns = await columns_of(connection, schema)
    references = [tuple(row) for row in await connection.execute(_REFERENCES, {"schema": schema})]
    sequences = (await connection.execute(_SEQUENCES, {"schema": schema})).all()
    versions = {table: await _versions(connection, schema, table) for table in VERSIONS if table in columns}
    tables = {name: known for name, known in columns.items() if name not in LEFT_AS_MADE}
    lines = [
        *(_GUARD.format(table=f'"{schema}".{table}', expected=expected) for table, expected in versions.items()),
        *_around(schema, tables, references),
        *(f"SELECT setval('\"{schema}\".{name}', {last});" for name, last in sequences),
        "COMMIT;",
    ]
    return _HEAD.format(schema=schema, script=SCRIPT) + "\n".join(lines) + "\n"


def _around(schema: str, tables: dict[str, str], references: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """The rows, while no trigger runs, and rows may refer to such as come later."""
    named = {name: f'"{schema}"."{name}"' for name in tables}
    for table in named.values():
        yield f"ALTER TABLE {table} DISABLE TRIGGER USER;"
    for table, name, *_ in references:
        yield f"ALTER TABLE {table} ALTER CONSTRAINT {name} DEFERRABLE INITIALLY DEFERRED;"
    yield f"TRUNCATE {', '.join(named.values())};"
    for name, columns in tables.items():
        yield f"\\copy {named[name]} ({columns}) FROM '{name}.csv' WITH (FORMAT csv, HEADER)"
    yield "SET CONSTRAINTS ALL IMMEDIATE;"
    for table, name, deferrable, deferred in references:
        was = f"{'' if deferrable else 'NOT '}DEFERRABLE{' INITIALLY DEFERRED' if deferred else ''}"
        yield f"ALTER TABLE {table} ALTER CONSTRAINT {name} {was};"
    for table in named.values():
        yield f"ALTER TABLE {table} ENABLE TRIGGER USER;"


async def _versions(connection: AsyncConnection, schema: str, table: str) -> str | None:
    query = f"SELECT string_agg(version_num, ', ' ORDER BY version_num) FROM \"{schema}\".{table}"  # noqa: S608
    versions: str | None = await connection.scalar(text(query))
    return versions
