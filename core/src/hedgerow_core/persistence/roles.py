"""Schemas, roles and rights: what makes the border between two contexts real inside one PostgreSQL.

Tables belong to the migrating user; a context's role may only read and write rows. All roles together may read
one table of a foreign context: its outbox, the feed that it publishes.

The statements are said once: `migrate` runs them, and `migrate --sql` writes them down.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence.database import Isolation, role_of

FEED_READERS = "hedgerow_contexts"
"""The group of all context roles in a PostgreSQL cluster."""

# Since PostgreSQL 16 whoever creates a role is a member who may grant it on, but not yet one who may take it.
_MAY_BECOME = """
    EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}' AND pg_has_role(oid,
        CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END))
"""

# Roles belong to the cluster, not to the database: another database's host may be creating them too.
_ROLE = """
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;
    END IF;
"""
_PREPARE = """
DO $$ BEGIN
    {readers_role}
    {own_role}
    IF NOT pg_has_role('{role}', '{readers}', 'MEMBER') THEN GRANT {readers} TO {role}; END IF;
    IF NOT {may_become} THEN GRANT {role} TO CURRENT_USER; END IF;
    GRANT USAGE ON SCHEMA "{schema}" TO {readers};
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'no role of its own for {schema}: foreign tables are a convention there (ADR 0006)';
END $$
"""

# What may only be done in one way (cutting and retiring ranges of the outbox, forgetting old lines of the trail) is
# done by functions of the ledger. They act as their owner; what is restored without rights, everybody may call.
# A history without a revision has made no version table yet.
_SHARE = """
DO $$
DECLARE
    untouchable text := (
        SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
        WHERE schemaname = '{schema}' AND (tablename IN ({versions}) OR starts_with(tablename, 'outbox_')));
BEGIN
    IF NOT {may_become} THEN RETURN; END IF;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{schema}" TO {role};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{schema}" TO {role};
    REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA "{schema}" FROM PUBLIC;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA "{schema}" TO {role};
    REVOKE UPDATE, DELETE ON "{schema}".outbox FROM {role};
    REVOKE UPDATE, DELETE ON "{schema}".audit_entries FROM {role};
    EXECUTE 'REVOKE INSERT, UPDATE, DELETE ON ' || untouchable || ' FROM {role}';
    GRANT SELECT ON "{schema}".outbox TO {readers};
    GRANT EXECUTE ON FUNCTION "{schema}".report_feed_position TO {readers};
END $$
"""


def preparation_of(context: str) -> tuple[str, ...]:
    """Make sure that the context's schema and role exist, as far as the server lets us."""
    role = role_of(context)
    roles = _PREPARE.format(
        readers_role=_ROLE.format(role=FEED_READERS).strip(),
        own_role=_ROLE.format(role=role).strip(),
        may_become=_MAY_BECOME.format(role=role).strip(),
        readers=FEED_READERS,
        role=role,
        schema=context,
    )
    return f'CREATE SCHEMA IF NOT EXISTS "{context}"', roles.strip()


def rights_of(context: str, version_tables: Sequence[str]) -> str:
    """Give the context its rows, keep its outbox and its trail append-only, and let the others read that outbox."""
    role = role_of(context)
    return _SHARE.format(
        schema=context,
        role=role,
        readers=FEED_READERS,
        versions=", ".join(f"'{table}'" for table in version_tables),
        may_become=_MAY_BECOME.format(role=role).strip(),
    ).strip()


async def prepare_schema(connection: AsyncConnection, context: str) -> None:
    """Before its migrations."""
    for statement in preparation_of(context):
        await connection.exec_driver_sql(statement)
        await connection.commit()


async def share_tables(connection: AsyncConnection, context: str, version_tables: Sequence[str]) -> None:
    """After its migrations."""
    await connection.exec_driver_sql(rights_of(context, version_tables))
    await connection.commit()


async def isolation_of(connection: AsyncConnection, contexts: Sequence[str]) -> dict[str, Isolation]:
    """Which isolation a connection of this user gets for each of the contexts."""
    if not contexts:
        return {}
    questions = (f"SELECT '{each}', {_MAY_BECOME.format(role=role_of(each))}" for each in contexts)
    answers = (await connection.execute(text(" UNION ALL ".join(questions)))).all()
    await connection.commit()
    may = {context for context, allowed in answers if allowed}
    return {context: Isolation.ROLE if context in may else Isolation.SCHEMA for context in contexts}
