"""The database that a context is to go to: whether a move could be made there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from hedgerow_core.persistence import Database, DatabaseAddress, Isolation
from hedgerow_host.checks.findings import HOST
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migrate import runner_for

# Before PostgreSQL 15 only a superuser may say that triggers are to rest; since then the right can be granted.
_ABOUT = text(
    """
    SELECT current_database() AS name, d.oid::bigint AS oid,
        (SELECT system_identifier FROM pg_control_system()) AS cluster,
        pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collation,
        current_setting('server_version_num')::integer / 10000 AS version, current_user AS who,
        has_database_privilege(d.oid, 'CREATE') AS may_create,
        r.rolsuper AS may_all, r.rolsuper OR r.rolcreaterole AS may_create_roles
    FROM pg_database d JOIN pg_roles r ON r.rolname = current_user WHERE d.datname = current_database()
    """
)
_MAY_REST_TRIGGERS = text("SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET')")
_EXTENSIONS = text("SELECT extname FROM pg_extension ORDER BY 1")
_IS_THERE = text("SELECT to_regclass(:table)")
SINCE_GRANTABLE = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was found there."""

    looked: str
    obstacles: Sequence[Obstacle] = ()
    extensions: Sequence[str] = ()


NOT_NAMED = Target(looked="not looked at: name it by --to")


async def look_at_target(target: DatabaseAddress, source: DatabaseAddress, context: LoadedContext) -> Target:
    """Look at it from where the context is now. Changes nothing.

    Raises:
        UnavailableError: one of them is away.
    """
    here, _extensions, _may = await _about(source)
    there, extensions, may_rest = await _about(target)
    obstacles = [
        Obstacle(kind=kind, subject=context.name, what=what, fix=fix, object=f"database {target}")
        for kind, what, fix in _differences(here, there, may_rest=may_rest)
    ]
    if await _has_worked(target, context.name):
        obstacles.append(
            Obstacle(
                kind="target_unfit",
                subject=context.name,
                what="has worked there already: its outbox or its deliveries have rows",
                fix="name an empty database; or, if those rows are of no use, drop the schema there first",
                object=f"schema {context.name} in {target}",
            )
        )
    for state in await runner_for(target, [context]).states():
        if state.current and (state.pending or state.is_ahead):
            what = "a newer release has migrated it" if state.is_ahead else "it was migrated once, and lags behind"
            obstacles.append(
                Obstacle(
                    kind="migrations_pending",
                    subject=context.name,
                    what=f"where it is to go: {what} ({', '.join(state.current)})",
                    fix="run the same release at both sides, and `hedgerow migrate` there",
                    object=f"schema {context.name} in {target}",
                )
            )
    return Target(looked=f"{target}, PostgreSQL {there.version}", obstacles=obstacles, extensions=extensions)


async def _about(address: DatabaseAddress) -> tuple[Row[Any], Sequence[str], bool]:
    database = Database(address, HOST, isolation=Isolation.SCHEMA)
    try:
        async with database.reading() as connection:
            found = (await connection.execute(_ABOUT)).one()
            extensions = (await connection.execute(_EXTENSIONS)).scalars().all()
            may = found.may_all
            if not may and found.version >= SINCE_GRANTABLE:
                may = await connection.scalar(_MAY_REST_TRIGGERS)
            return found, extensions, bool(may)
    finally:
        await database.close()


async def _has_worked(address: DatabaseAddress, context: str) -> bool:
    database = Database(address, HOST, isolation=Isolation.SCHEMA)
    try:
        async with database.reading() as connection:
            for table in ("outbox", "deliveries"):
                name = f'"{context}".{table}'
                if await connection.scalar(_IS_THERE, {"table": name}) is None:
                    continue
                if await connection.scalar(text(f"SELECT EXISTS (SELECT FROM {name})")):  # noqa: S608
                    return True
        return False
    finally:
        await database.close()


def _differences(here: Row[Any], there: Row[Any], *, may_rest: bool) -> Iterator[tuple[str, str, str]]:
    """Kind, what and fix."""
    if (here.cluster, here.oid) == (there.cluster, there.oid):
        yield "target_unfit", "is the database that the context is in now", "name another one by --to"
        return
    if here.encoding != there.encoding:
        fix = f"make it with ENCODING '{here.encoding}' TEMPLATE template0"
        yield "target_unfit", f"is encoded in {there.encoding}, and this one in {here.encoding}", fix
    if there.version < here.version:
        fix = f"use PostgreSQL {here.version} or newer there"
        yield "target_unfit", f"is PostgreSQL {there.version}, older than {here.version} here", fix
    if not there.may_create:
        fix = f"GRANT CREATE ON DATABASE {there.name} TO {there.who}, or let it own the database"
        yield "target_unfit", f"lets {there.who} create no schema", fix
    if not may_rest:
        fix = f"GRANT SET ON PARAMETER session_replication_role TO {there.who}"
        yield "target_unfit", f"lets {there.who} not put triggers to rest while rows are copied", fix
    if not there.may_create_roles:
        fix = f"ALTER ROLE {there.who} CREATEROLE, before it migrates (ADR 0006)"
        what = f"lets {there.who} create no role, so the context would work there with all rights of {there.who}"
        yield "target_differs", what, fix
    if here.collation != there.collation:
        fix = "nothing, if no order of text matters; else make it with the same LC_COLLATE"
        yield "target_differs", f"sorts by {there.collation}, and this one by {here.collation}", fix
