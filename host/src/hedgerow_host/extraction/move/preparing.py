"""The target becomes a database like the source, and closed; at the source, every change is noted from now on."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.migrations.schema_objects import difference, schema_lines
from hedgerow_core.persistence.moving import EXTRACTION
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move import capture, fence
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.state import begin, move_of
from hedgerow_host.extraction.move.tables import tables_of, version_tables_of
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import runner_for

_PARTITIONS = """
    SELECT parent.relname AS parent, child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bound
    FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent
    WHERE child.relnamespace = to_regnamespace($1) AND child.relkind = 'r' AND parent.relkind = 'p'
"""
_UNCARRIED = """
    SELECT string_agg(format('%I.%I', nspname, relname), ', ') FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relkind IN ('m', 'f')
"""
_BUSINESS = ("outbox", "deliveries", "audit_entries")
"""Tables that have rows as soon as a context has done anything."""


async def prepare(source: Side, target: Side, loaded: LoadedContext) -> None:
    """Make the target ready, and begin to note changes. Changes no row.

    Raises:
        HostError: something is not as it must be; nothing that anybody would feel is changed.
    """
    context = loaded.name
    for side in (source, target):
        await _demand_rights(side)
    await _demand_movable(source, loaded)
    move, there = await move_of(source, context), await move_of(target, context)
    if there is not None and (move is None or there.id != move.id):
        raise HostError(
            f"{target.place} belongs to another move of {context}, from {there.other_side}",
            fix="take that one back from there, or name another database with --to",
            code=ExitCode.CHECK_FAILED,
        )
    if move is None:
        await _demand_empty(target, context)
    id = move.id if move else await source.connection.fetchval("SELECT gen_random_uuid()")
    await begin(source, context, id, address_without_password(target.address), {})
    await begin(target, context, id, source.place, {})
    await fence.build(source, context, closed=False)
    await fence.build(target, context, closed=True)
    await runner_for(target.address, [loaded]).apply()
    tables, versions = (
        await tables_of(source.connection, context),
        await version_tables_of(source.connection, context),
    )
    await capture.install(source, context, tables, versions)
    # The source can cut no new partition from here on.
    await _same_partitions(source, target, context)
    await runner_for(target.address, [loaded]).apply()  # gives the rights on new partitions
    at_target = await tables_of(target.connection, context)
    await capture.install(target, context, at_target, await version_tables_of(target.connection, context))
    await _demand_same_schema(source, target, context)


def address_without_password(address: DatabaseAddress) -> str:
    """Where it is, for whoever has the password elsewhere (PGPASSWORD, ~/.pgpass)."""
    url = address.url.set(drivername="postgresql")
    return url._replace(password=None).render_as_string(hide_password=False)


async def demand_same_versions(source: Side, target: Side, context: str) -> None:
    """Both sides are at the same revisions, still.

    Raises:
        HostError: they are not.
    """
    for table in await version_tables_of(source.connection, context):
        here, there = [
            sorted(row["version_num"] for row in await side.connection.fetch(f'SELECT * FROM "{context}".{table}'))
            for side in (source, target)
        ]
        if here != there:
            raise HostError(
                f"{table} of {context} is {', '.join(here)} at the source, and {', '.join(there)} at the target",
                fix=f"run `hedgerow extract rollback {context}`, migrate, and begin anew",
                code=ExitCode.CHECK_FAILED,
            )


async def _demand_rights(side: Side) -> None:
    """Rows must be written as they were elsewhere, at the target now, and at the source on the way back."""
    try:
        async with side.as_replica():
            pass
    except asyncpg.InsufficientPrivilegeError:
        user = await side.connection.fetchval("SELECT current_user")
        raise HostError(
            f"{user} may not set session_replication_role at {side.place}",
            fix=f'as a superuser there: GRANT SET ON PARAMETER session_replication_role TO "{user}"'
            " (PostgreSQL 15 or later; before, only superusers may)",
            code=ExitCode.CHECK_FAILED,
        ) from None


async def _demand_movable(source: Side, loaded: LoadedContext) -> None:
    pending = await runner_for(source.address, [loaded]).pending()
    if pending:
        raise HostError(
            f"migrations of {loaded.name} are pending: {', '.join(step.revision for step in pending)}",
            fix="run `hedgerow migrate` first: both sides must be alike, and stay so while the context moves",
            code=ExitCode.CHECK_FAILED,
        )
    uncarried = await source.connection.fetchval(_UNCARRIED, loaded.name)
    if uncarried:
        raise HostError(
            f"a move carries neither materialized views nor foreign tables: {uncarried}",
            fix="drop them, or move them by hand",
            code=ExitCode.CHECK_FAILED,
        )


async def _demand_empty(target: Side, context: str) -> None:
    """Nobody works there yet, and nobody has."""
    for table in _BUSINESS:
        name = f'"{context}".{table}'
        if await target.connection.fetchval("SELECT to_regclass($1)", name) is None:
            continue
        if await target.connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})"):
            raise HostError(
                f"{context} has worked at {target.place} already: there are rows in {table}",
                fix="name an empty database with --to; or, if those rows are of no use, DROP SCHEMA there first",
                code=ExitCode.CHECK_FAILED,
            )


async def _same_partitions(source: Side, target: Side, context: str) -> None:
    """The target has no rows yet: what is cut otherwise goes, and comes as it is at the source."""

    async def partitions(side: Side) -> dict[str, Any]:
        return {row["name"]: tuple(row) for row in await side.connection.fetch(_PARTITIONS, context)}

    async with target.connection.transaction():
        here, there = await partitions(source), await partitions(target)
        for name, partition in there.items():
            if here.get(name) != partition:
                await target.connection.execute(f'DROP TABLE "{context}"."{name}"')
        for name, (parent, _name, bound) in here.items():
            if there.get(name) != here[name]:
                of = f'"{context}"."{parent}"'
                await target.connection.execute(
                    f'CREATE TABLE "{context}"."{name}" (LIKE {of} INCLUDING DEFAULTS INCLUDING INDEXES)'
                )
                await target.connection.execute(f'ALTER TABLE {of} ATTACH PARTITION "{context}"."{name}" {bound}')


async def _demand_same_schema(source: Side, target: Side, context: str) -> None:
    leaves = {name for table in await tables_of(source.connection, context) for name in table.leaves}
    here, there = [_comparable(await _lines(side, context), leaves) for side in (source, target)]
    found = difference(here, there)
    if found:
        shown = "\n".join(f"  {' '.join(line.split())[:150]}" for line in found[:10])
        raise HostError(
            f"{context} is not the same at both sides ({len(found)} differences; - source, + target):\n{shown}",
            fix="undo by hand what no migration has made, or bring a revision for it; then run this again",
            code=ExitCode.CHECK_FAILED,
        )


async def _lines(side: Side, context: str) -> list[str]:
    engine = create_async_engine(side.address.url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await schema_lines(connection, context)
    finally:
        await engine.dispose()


def _comparable(lines: list[str], leaves: set[str]) -> list[str]:
    """Without what the move has made, and without the names that indexes of partitions were given."""
    return [
        line
        for line in lines
        if EXTRACTION not in line
        and (
            line.startswith("partition ")
            or not any(f" {name} " in f" {line} " or f".{name} " in line for name in leaves)
        )
    ]
