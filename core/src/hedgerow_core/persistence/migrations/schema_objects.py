"""What a schema consists of, as text that can be compared: what is there, but not in which order it came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """A table, a column, an index, a function, …"""

    kind: str
    name: str
    """`plants.name` of what belongs to a table."""
    definition: str
    table: str | None
    """The table that it belongs to, or is."""
    in_partition: bool
    """Whether that is a partition, which a host may make and drop while it runs."""

    @property
    def is_table(self) -> bool:
        """Whether others may belong to it."""
        return self.kind in ("table", "view")

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.definition}".rstrip()


_OBJECTS = text(
    """
    WITH ours AS (
        SELECT oid, relname, relkind, relpartbound, relispartition, relpersistence, relrowsecurity FROM pg_class
        WHERE relnamespace = to_regnamespace(:schema) AND relname NOT IN ('ledger_version', 'alembic_version')
    )
    SELECT CASE relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'table' END AS kind,
        relname::text AS name, relname::text AS "table", relispartition AS in_partition,
        concat_ws(' ', CASE relpersistence WHEN 'u' THEN 'UNLOGGED' END,
            CASE WHEN relrowsecurity THEN 'ROW SECURITY' END,
            CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END) AS definition
    FROM ours WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT 'column', concat(relname, '.', attname), relname, relispartition,
        concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END,
            'DEFAULT ' || pg_get_expr(adbin, adrelid), nullif(attidentity, ''), nullif(attgenerated, ''))
    FROM pg_attribute JOIN ours ON ours.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT 'partition', relname, relname, true, pg_get_expr(relpartbound, oid) FROM ours
    WHERE relpartbound IS NOT NULL
    UNION ALL
    SELECT 'constraint', concat(relname, '.', conname), relname, relispartition, pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN ours ON ours.oid = conrelid WHERE contype <> 'n'
    UNION ALL
    SELECT 'index', i.relname, ours.relname, ours.relispartition,
        concat_ws(' ', pg_get_indexdef(indexrelid), CASE WHEN NOT indisvalid THEN 'INVALID' END)
    FROM pg_index JOIN ours ON ours.oid = indrelid JOIN pg_class i ON i.oid = indexrelid
    UNION ALL
    SELECT 'trigger', concat(relname, '.', tgname), relname, relispartition,
        concat_ws(' ', tgenabled, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN ours ON ours.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', concat(proname, '(', pg_get_function_identity_arguments(oid), ')'), NULL, false,
        pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = to_regnamespace(:schema) AND prokind IN ('f', 'p')
    UNION ALL
    SELECT 'value', concat(typname, '.', enumlabel), NULL, false, ''
    FROM pg_enum JOIN pg_type t ON t.oid = enumtypid WHERE typnamespace = to_regnamespace(:schema)
    ORDER BY 1, 2
    """
)
_RIGHTS = text(
    """
    SELECT concat_ws(' ', 'right', name, pg_get_userbyid(grantee),
        string_agg(privilege_type, ' ' ORDER BY privilege_type))
    FROM (
        SELECT relname AS name, (aclexplode(relacl)).* FROM pg_class
        WHERE relnamespace = to_regnamespace(:schema)
        UNION ALL
        SELECT proname, (aclexplode(proacl)).* FROM pg_proc WHERE pronamespace = to_regnamespace(:schema)
    ) AS rights
    GROUP BY name, grantee ORDER BY 1
    """
)


async def schema_objects(connection: AsyncConnection, schema: str) -> list[SchemaObject]:
    """All of them, but for the tables in which Alembic keeps versions."""
    rows = (await connection.execute(_OBJECTS, {"schema": schema})).all()
    await connection.commit()
    return [SchemaObject(row.kind, row.name, row.definition, row.table, row.in_partition) for row in rows]


async def schema_lines(connection: AsyncConnection, schema: str) -> list[str]:
    """The same, a line each."""
    return [str(each) for each in await schema_objects(connection, schema)]


async def rights_lines(connection: AsyncConnection, schema: str) -> list[str]:
    """Who may do what."""
    lines = list((await connection.execute(_RIGHTS, {"schema": schema})).scalars())
    await connection.commit()
    return lines


def difference(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """What is missing (`- …`) and what has come (`+ …`)."""
    was, now = set(before), set(after)
    return [f"- {line}" for line in sorted(was - now)] + [f"+ {line}" for line in sorted(now - was)]
