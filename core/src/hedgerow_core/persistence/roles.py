"""Schemas, roles and rights: what makes the border between two contexts real inside one PostgreSQL.

Tables belong to the migrating user; a context's role may only read and write rows. All roles together may read
one table of a foreign context: its outbox, the feed that it publishes.
"""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence.database import Isolation, role_of

FEED_READERS = "hedgerow_contexts"
"""The group of all context roles in a PostgreSQL cluster."""

_ROLE_EXISTS = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
# Since PostgreSQL 16 whoever creates a role is a member who may grant it on, but not yet one who may take it.
_MAY_BECOME = text(
    """
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role AND pg_has_role(oid,
        CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END))
    """
)
_TABLES_OF = text("SELECT tablename FROM pg_tables WHERE schemaname = :schema")
_IS_MEMBER = text("SELECT pg_has_role(CAST(:member AS name), CAST(:of AS name), 'MEMBER')")


async def prepare_schema(connection: AsyncConnection, context: str) -> Isolation:
    """Make sure that the context's schema and role exist; say which isolation the server allowed."""
    await connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{context}"'))
    await connection.commit()
    try:
        await _ensure_roles(connection, role_of(context))
        await connection.execute(text(f'GRANT USAGE ON SCHEMA "{context}" TO {FEED_READERS}'))
        await connection.commit()
    except DBAPIError as error:
        await connection.rollback()
        if not isinstance(error.orig.__cause__ if error.orig else None, InsufficientPrivilegeError):
            raise
        return Isolation.SCHEMA
    return await isolation_of(connection, context)


async def isolation_of(connection: AsyncConnection, context: str) -> Isolation:
    """Which isolation a connection of this user gets for the context."""
    may = (await connection.execute(_MAY_BECOME, {"role": role_of(context)})).scalar_one()
    await connection.commit()
    return Isolation.ROLE if may else Isolation.SCHEMA


async def grant_tables(connection: AsyncConnection, context: str, version_tables: Sequence[str]) -> None:
    """Give the context its rows, keep its outbox and its trail append-only, and let the others read that outbox.

    What may only be done in one way (cutting and retiring ranges of the outbox, forgetting old lines of the
    trail) is done by functions of the ledger.
    """
    role, schema = role_of(context), f'"{context}"'
    # A history without a revision has made no version table yet.
    made = (await connection.execute(_TABLES_OF, {"schema": context})).scalars()
    untouchable = ", ".join(
        f"{schema}.{table}" for table in made if table in version_tables or table.startswith("outbox_")
    )
    for statement in (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
        f"REVOKE UPDATE, DELETE ON {schema}.outbox FROM {role}",
        f"REVOKE UPDATE, DELETE ON {schema}.audit_entries FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE ON {untouchable} FROM {role}",
        f"GRANT SELECT ON {schema}.outbox TO {FEED_READERS}",
        f"GRANT EXECUTE ON FUNCTION {schema}.report_feed_position TO {FEED_READERS}",
    ):
        await connection.execute(text(statement))
    await connection.commit()


async def _ensure_roles(connection: AsyncConnection, role: str) -> None:
    """Roles belong to the cluster, not to the database: another database's host may be creating them too."""
    for name in (FEED_READERS, role):
        if not (await connection.execute(_ROLE_EXISTS, {"role": name})).scalar_one():
            await connection.execute(
                text(
                    f"DO $$ BEGIN CREATE ROLE {name} NOLOGIN; "
                    "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
                )
            )
    if not (await connection.execute(_IS_MEMBER, {"member": role, "of": FEED_READERS})).scalar_one():
        await connection.execute(text(f"GRANT {FEED_READERS} TO {role}"))
    if not (await connection.execute(_MAY_BECOME, {"role": role})).scalar_one():
        await connection.execute(text(f"GRANT {role} TO CURRENT_USER"))
    await connection.commit()
