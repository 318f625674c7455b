"""What binds the schema of a context to others inside the database: references, functions and rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence.database import role_of
from hedgerow_core.persistence.moving import EXTRACTION
from hedgerow_core.persistence.roles import FEED_READERS
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sql_text import named_in

FIRST_OF_USERS = 16384
"""PostgreSQL gives objects below this number to itself."""
READ_BY_ALL = "outbox"
"""What every context may read of every other one: its feed."""
EVERYBODY = "PUBLIC"

# While a move is under way, its triggers lead from the context's tables into a schema of the move; they go with it.
# PostgreSQL keeps who stands on whom: foreign keys, views, triggers, defaults, types, bodies in standard SQL.
# Rules, triggers, defaults and constraints have no schema; they begin their address with that of their table.
_EDGES = f"""
    SELECT DISTINCT extension.extname AS extension,
        said.type || ' ' || said.identity AS object, coalesce(said.schema, at.object_names[1]) AS schema,
        wanted.type || ' ' || wanted.identity AS target,
        coalesce(wanted.schema, there.object_names[1]) AS foreign_schema
    FROM pg_depend d
    CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) said
    CROSS JOIN LATERAL pg_identify_object_as_address(d.classid, d.objid, d.objsubid) at
    CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) wanted
    CROSS JOIN LATERAL pg_identify_object_as_address(d.refclassid, d.refobjid, 0) there
    LEFT JOIN pg_depend member ON member.classid = d.refclassid AND member.objid = d.refobjid
        AND member.deptype = 'e' AND member.refclassid = 'pg_extension'::regclass
    LEFT JOIN pg_extension extension ON extension.oid = member.refobjid
    WHERE d.objid >= {FIRST_OF_USERS} AND d.refobjid >= {FIRST_OF_USERS} AND d.deptype IN ('n', 'a')
      AND wanted.type NOT IN ('index', 'schema', 'role')
"""  # noqa: S608 - a constant
_REFERENCES = text(
    f"""
    SELECT object, schema, target, foreign_schema FROM ({_EDGES}) edges
    WHERE extension IS NULL AND schema <> foreign_schema
      AND (schema = :context OR foreign_schema = :context)
      AND schema !~ '^pg_' AND foreign_schema !~ '^pg_'
      AND NOT '{EXTRACTION}' IN (schema, foreign_schema)
    ORDER BY 2, 1, 4, 3
    """  # noqa: S608 - constants
)
EXTENSIONS = text(
    f"""
    SELECT extension, min(object) AS object, count(*) AS objects FROM ({_EDGES}) edges
    WHERE extension IS NOT NULL AND extension <> 'plpgsql' AND schema = :context
    GROUP BY extension
    UNION ALL
    SELECT extname, 'schema ' || nspname, 1 FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE nspname = :context
    ORDER BY 1
    """  # noqa: S608 - constants
)
"""The extensions that objects of the schema stand on, or that were installed into it."""
_FUNCTIONS = text(
    """
    SELECT n.nspname AS schema, p.oid::regprocedure::text AS name, p.prosrc AS body,
        coalesce(array_to_string(p.proconfig, '; '), '') AS settings
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE n.nspname = ANY(:schemas) AND l.lanname IN ('sql', 'plpgsql')
    ORDER BY 1, 2
    """
)
_RIGHTS = text(
    """
    SELECT n.nspname AS schema, c.relname AS name, coalesce(r.rolname, :everybody) AS role,
        string_agg(DISTINCT held.privilege_type, ', ') AS rights
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (
        SELECT * FROM aclexplode(c.relacl)
        UNION ALL
        SELECT g.* FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) g WHERE a.attrelid = c.oid
    ) held
    LEFT JOIN pg_roles r ON r.oid = held.grantee
    WHERE n.nspname = ANY(:schemas) AND NOT c.relispartition
      AND (r.rolname = ANY(:roles) OR held.grantee = 0) AND r.rolname IS DISTINCT FROM :own || n.nspname
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
)
_MEMBERS = text(
    """
    SELECT member.rolname AS member, role.rolname AS role
    FROM pg_auth_members m JOIN pg_roles member ON member.oid = m.member JOIN pg_roles role ON role.oid = m.roleid
    WHERE member.rolname = ANY(:roles) AND role.rolname = ANY(:roles) AND role.rolname <> :readers
    """
)


async def bound_by_objects(
    connection: AsyncConnection, context: str, others: Collection[str]
) -> AsyncIterator[Obstacle]:
    """Everything that leads from the schema into another one, or from another one into it."""
    async for obstacle in _references(connection, context, others):
        yield obstacle
    async for obstacle in _bodies(connection, context, others):
        yield obstacle
    async for obstacle in _rights(connection, context, others):
        yield obstacle


async def _references(
    connection: AsyncConnection, context: str, others: Collection[str]
) -> AsyncIterator[Obstacle]:
    for row in await connection.execute(_REFERENCES, {"context": context}):
        other = row.foreign_schema if row.schema == context else row.schema
        known = other in others
        yield Obstacle(
            kind="foreign_table_in_database" if known else "outside_schema",
            subject=row.object,
            what=f"stands on {row.target}",
            fix="drop it by a migration, and keep a copy of your own from events"
            if known
            else f"make it anew inside the schema {context}, by a migration",
            object=row.object,
        )


async def _bodies(connection: AsyncConnection, context: str, others: Collection[str]) -> AsyncIterator[Obstacle]:
    for row in await connection.execute(_FUNCTIONS, {"schemas": [context, *others]}):
        foreign = [context] if row.schema != context else list(others)
        for named in dict.fromkeys([*named_in(row.body, foreign), *named_in(f"SET {row.settings}", foreign)]):
            yield Obstacle(
                kind="foreign_table_in_database",
                subject=f"function {row.name}",
                what=f"names {named}",
                fix="let the context do it in Python, with what it knows from events and queries",
                object=f"function {row.name}",
            )


async def _rights(connection: AsyncConnection, context: str, others: Collection[str]) -> AsyncIterator[Obstacle]:
    roles = [FEED_READERS, *(role_of(name) for name in (context, *others))]
    where = {"schemas": [context, *others], "roles": roles, "own": role_of(""), "everybody": EVERYBODY}
    for row in await connection.execute(_RIGHTS, where):
        is_feed = (row.role, row.name, row.rights) == (FEED_READERS, READ_BY_ALL, "SELECT")
        reaches = row.schema == context or row.role in (role_of(context), FEED_READERS, EVERYBODY)
        if is_feed or not reaches:
            continue
        yield Obstacle(
            kind="foreign_right",
            subject=row.role,
            what=f"holds {row.rights} on {row.schema}.{row.name}",
            fix=f'REVOKE ALL ON "{row.schema}"."{row.name}" FROM {row.role}, and look for who uses it',
            object=f"table {row.schema}.{row.name}",
        )
    for row in await connection.execute(_MEMBERS, {"roles": roles, "readers": FEED_READERS}):
        if role_of(context) in (row.member, row.role):
            yield Obstacle(
                kind="foreign_right",
                subject=row.member,
                what=f"is a member of {row.role}, and holds all its rights",
                fix=f"REVOKE {row.role} FROM {row.member}",
                object=f"role {row.member}",
            )
