"""A schema as lines of text that can be compared: what is there, but not in which order it came."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LINES = text(
    """
    WITH ours AS (
        SELECT oid, relname, relkind, relpartbound FROM pg_class
        WHERE relnamespace = to_regnamespace(:schema) AND relname NOT IN ('ledger_version', 'alembic_version')
    )
    SELECT concat_ws(' ', 'column', relname, attname, format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(adbin, adrelid),
        nullif(attidentity, ''), nullif(attgenerated, ''))
    FROM pg_attribute JOIN ours ON ours.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT concat_ws(' ', 'partition', relname, pg_get_expr(relpartbound, oid)) FROM ours
    WHERE relpartbound IS NOT NULL
    UNION ALL
    SELECT concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint c JOIN ours ON ours.oid = conrelid WHERE contype <> 'n'
    UNION ALL
    SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), CASE WHEN NOT indisvalid THEN 'INVALID' END)
    FROM pg_index JOIN ours ON ours.oid = indrelid
    UNION ALL
    SELECT concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(t.oid))
    FROM pg_trigger t JOIN ours ON ours.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = to_regnamespace(:schema) AND prokind = 'f'
    UNION ALL
    SELECT concat_ws(' ', 'value of', typname, enumlabel) FROM pg_enum JOIN pg_type t ON t.oid = enumtypid
    WHERE typnamespace = to_regnamespace(:schema)
    ORDER BY 1
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


async def schema_lines(connection: AsyncConnection, schema: str) -> list[str]:
    """Columns, constraints, indexes, triggers, functions; without the tables in which Alembic keeps versions."""
    lines = list((await connection.execute(_LINES, {"schema": schema})).scalars())
    await connection.commit()
    return lines


async def rights_lines(connection: AsyncConnection, schema: str) -> list[str]:
    """Who may do what."""
    lines = list((await connection.execute(_RIGHTS, {"schema": schema})).scalars())
    await connection.commit()
    return lines


def difference(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """What is missing (`- …`) and what has come (`+ …`)."""
    was, now = set(before), set(after)
    return [f"- {line}" for line in sorted(was - now)] + [f"+ {line}" for line in sorted(now - was)]
