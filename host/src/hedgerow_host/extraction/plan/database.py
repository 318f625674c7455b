"""Everything that a plan asks the database: what binds the schema, what cannot be carried, what is under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence import Database, DatabaseAddress, Isolation
from hedgerow_core.persistence.database import role_of
from hedgerow_host.checks.findings import HOST
from hedgerow_host.extraction.plan.carrying import TableSize, not_carried, sizes
from hedgerow_host.extraction.plan.objects import bound_by_objects
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.statements import counted_statements
from hedgerow_host.extraction.plan.target import NOT_NAMED, Target, look_at_target
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import runner_for

# A schema that has a ledger is one of a context, hosted here or not.
_CONTEXTS = text(
    "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = 'ledger_version' AND n.nspname <> :context ORDER BY 1"
)
_MIGRATED = text("SELECT to_regclass(:deliveries)")
_HAS_ROLE = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
# Indexes: deliveries_in_order, deliveries_by_key.
_DELIVERIES = """
    SELECT state, count(*) AS deliveries FROM "{context}".deliveries
    WHERE state IN ('pending', 'processing', 'retry_wait', 'dead', 'parked') GROUP BY state ORDER BY state
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InDatabase:
    """What the database had to say."""

    obstacles: Sequence[Obstacle] = ()
    tables: Sequence[TableSize] = ()
    deliveries: Mapping[str, int] = field(default_factory=dict)
    """Those that are not done, by state. All move along."""
    looked_at: Mapping[str, str] = field(default_factory=dict)


async def look_at_database(
    address: DatabaseAddress, context: LoadedContext, target: DatabaseAddress | None = None
) -> InDatabase:
    """Look at the database that the context is in, and at the one that it is to go to. Changes nothing.

    Raises:
        UnavailableError: one of them is away.
    """
    pending = await _pending(address, context)
    there = await look_at_target(target, address, context) if target else NOT_NAMED
    database = Database(address, HOST, isolation=Isolation.SCHEMA)
    try:
        async with database.reading() as connection:
            found = await _look(connection, context.name, there)
    finally:
        await database.close()
    return replace(found, obstacles=[*pending, *there.obstacles, *found.obstacles])


async def _look(connection: AsyncConnection, context: str, there: Target) -> InDatabase:
    if await connection.scalar(_MIGRATED, {"deliveries": f'"{context}".deliveries'}) is None:
        return InDatabase(looked_at={"database": f"no schema {context} is in it yet"})
    others = (await connection.execute(_CONTEXTS, {"context": context})).scalars().all()
    obstacles = [one async for one in bound_by_objects(connection, context, others)]
    obstacles += [one async for one in not_carried(connection, context, there.extensions)]
    if not await connection.scalar(_HAS_ROLE, {"role": role_of(context)}):
        obstacles.append(_without_role(context))
    statements, counted = await counted_statements(connection, context, others)
    rows = await connection.execute(text(_DELIVERIES.format(context=context)))
    deliveries = {row.state: row.deliveries for row in rows}
    if dead := deliveries.get("dead"):
        obstacles.append(_dead(context, dead))
    tables = await sizes(connection, context)
    looked = {
        "database": f"{len(tables)} tables, and what binds them to {len(others)} other contexts",
        "pg_stat_statements": counted,
        "target": there.looked,
    }
    return InDatabase(obstacles=[*obstacles, *statements], tables=tables, deliveries=deliveries, looked_at=looked)


async def _pending(address: DatabaseAddress, context: LoadedContext) -> list[Obstacle]:
    steps = await runner_for(address, [context]).pending()
    if not steps:
        return []
    return [
        Obstacle(
            kind="migrations_pending",
            subject=context.name,
            what=f"pending where it is now: {', '.join(step.revision for step in steps)}",
            fix=f"hedgerow migrate --context {context.name}",
            object=f"schema {context.name}",
        )
    ]


def _without_role(context: str) -> Obstacle:
    return Obstacle(
        kind="no_role",
        subject=context,
        what=f"works without the role {role_of(context)}",
        fix="let the database user create roles, migrate, and run the tests once more",
        object=f"role {role_of(context)}",
    )


def _dead(context: str, count: int) -> Obstacle:
    return Obstacle(
        kind="dead_deliveries",
        subject=context,
        what=f"{count:,} dead deliveries",
        fix="`hedgerow deliveries list --state dead`, then retry, skip or discard them",
        object=f"table {context}.deliveries",
    )
