"""What PostgreSQL has counted of statements that name two contexts: `pg_stat_statements`, where it is installed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence.database import role_of
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sql_text import named_in, reads_alone

SHOWN = 160
"""Characters of a statement: enough to find it by."""

_WHERE = text(
    "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
    "WHERE e.extname = 'pg_stat_statements'"
)
# A context's statements are counted under the role that it has taken, not under who has logged in.
_COUNTED = """
    SELECT r.rolname AS role, s.query, sum(s.calls)::bigint AS calls
    FROM {schema}.pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND r.rolname = ANY(:roles)
    GROUP BY 1, 2 ORDER BY 3 DESC
"""
_HIDDEN = "<insufficient privilege>"


async def counted_statements(
    connection: AsyncConnection, context: str, others: Collection[str]
) -> tuple[list[Obstacle], str]:
    """Statements of a context's role that name a table of the other's; and what was looked at, in words."""
    schema = await connection.scalar(_WHERE)
    if schema is None:
        return [], "not looked at: this database has no extension pg_stat_statements"
    names = {role_of(name): name for name in (context, *others)}
    statement = text(_COUNTED.format(schema=connection.dialect.identifier_preparer.quote(schema)))
    try:
        rows = (await connection.execute(statement, {"roles": list(names)})).all()
    except DBAPIError as error:
        return [], f"not looked at: {str(error.orig).partition(':')[2].strip() or error.orig}"
    if any(row.query == _HIDDEN for row in rows):
        return [], "not looked at: GRANT pg_read_all_stats to whoever connects"
    found = []
    for row in rows:
        foreign = list(others) if names[row.role] == context else [context]
        for named in _crossing(row.query, foreign):
            shown = " ".join(row.query.split())
            found.append(
                Obstacle(
                    kind="foreign_table_in_statement",
                    subject=names[row.role],
                    what=f"has named {named} {row.calls:,} times: {shown[:SHOWN]}",
                    fix="find it in the code by these words, and ask or listen instead",
                    object=f"pg_stat_statements of {row.role}",
                )
            )
    return found, f"{len(rows):,} statements of {len({row.role for row in rows})} contexts"


def _crossing(query: str, foreign: Collection[str]) -> list[str]:
    """What it names beyond its own, but for the feed: the ledger reads outboxes, and says how far it is."""
    named = named_in(query, foreign)
    if reads_alone(query):
        feed = {f"{schema}.{name}" for schema in foreign for name in ("outbox", "report_feed_position")}
        return [each for each in named if each not in feed]
    return named
