"""Takes a context out of a database: says what depends on it, keeps a copy of its rows, and drops its schema."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from asyncpg.exceptions import DependentObjectsStillExistError, InsufficientPrivilegeError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.database import role_of
from hedgerow_core.persistence.failures import driver_error
from hedgerow_core.persistence.owner import owner_connection
from hedgerow_host.assembly import Assembly
from hedgerow_host.restoring import SCRIPT, columns_of, restore_script

MANIFEST = "archive.json"

# Partitions are read through the table that they are part of.
_TABLES = text(
    """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname
    """
)
_SCHEMA_EXISTS = text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :schema)")
_ROLE_EXISTS = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
_USERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = :application"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependent:
    """Something in another context that needs the one to be removed."""

    context: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.context} {self.what}\n  fix: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What a context has in a database."""

    context: str
    schema_exists: bool
    tables: dict[str, int]
    """Rows, by table."""
    connections: int
    """Of processes that host it at this moment."""


def dependents_of(context: str, assembly: Assembly) -> list[Dependent]:
    """Who requires it, hears its events or asks its queries, of those that are hosted here."""
    found: list[Dependent] = []
    for other in assembly.contexts:
        if other.name == context:
            continue
        if context in other.loaded.manifest.requires:
            fix = f"let {other.name} do without it, or remove {other.name} first"
            found.append(Dependent(context=other.name, what=f"requires {context}", fix=fix))
        for heard in other.subscriptions.subscribes:
            if heard.publisher == context:
                what = f"hears {heard.event} through {heard.name}"
                found.append(Dependent(context=other.name, what=what, fix="delete the subscription"))
        for asked in other.handlers.asks:
            if asked.publisher == context:
                found.append(Dependent(context=other.name, what=f"asks {asked.query}", fix="ask it no more"))
    return found


async def look(address: DatabaseAddress, context: str) -> Removal:
    """What there is to be removed. Changes nothing."""
    async with owner_connection(address) as connection:
        exists = bool(await connection.scalar(_SCHEMA_EXISTS, {"schema": context}))
        names = (await connection.execute(_TABLES, {"schema": context})).scalars().all()
        counts = {name: await _count(connection, context, name) for name in names}
        connections = await connection.scalar(_USERS, {"application": f"hedgerow/{context}"})
        return Removal(context=context, schema_exists=exists, tables=counts, connections=int(connections or 0))


async def archive_and_drop(
    address: DatabaseAddress, context: str, folder: Path, at: datetime
) -> tuple[Removal, str]:
    """Copy every table into a file, then drop schema and role: all of it, or nothing. What became of the role.

    Nobody writes in between: the tables are locked until the end, so what is dropped is what was copied. The
    folder is there, and empty.
    """
    async with owner_connection(address) as connection:
        names = (await connection.execute(_TABLES, {"schema": context})).scalars().all()
        for name in names:
            await connection.execute(text(f'LOCK TABLE "{context}"."{name}" IN ACCESS EXCLUSIVE MODE'))
        columns = await columns_of(connection, context)
        counts = {name: await _copy(connection, context, name, columns[name], folder) for name in names}
        (folder / SCRIPT).write_text(await restore_script(connection, context), encoding="utf-8")
        removed = Removal(context=context, schema_exists=True, tables=counts, connections=0)
        told = {
            **asdict(removed),
            "archived_at": at.isoformat(),
            "format": f"csv with a header, one file a table; {SCRIPT} puts them back",
        }
        (folder / MANIFEST).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        await connection.execute(text(f'DROP SCHEMA "{context}" CASCADE'))
        role = await drop_role(connection, role_of(context))
        await connection.commit()
        return removed, role


async def _count(connection: AsyncConnection, schema: str, table: str) -> int:
    return int(await connection.scalar(text(f'SELECT count(*) FROM "{schema}"."{table}"')) or 0)  # noqa: S608


async def _copy(connection: AsyncConnection, schema: str, table: str, columns: str, folder: Path) -> int:
    """PostgreSQL's own COPY, which any PostgreSQL reads back. Counted again in the file, so that none is lost."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    file = folder / f"{table}.csv"
    query = f'SELECT {columns} FROM "{schema}"."{table}"'  # noqa: S608 - names from the catalog of PostgreSQL
    await driver.copy_from_query(query, output=str(file), format="csv", header=True)
    expected, found = await _count(connection, schema, table), _rows_in(file)
    if found != expected:
        raise OSError(f"{file} has {found} rows, and {schema}.{table} has {expected}: nothing was dropped")
    return found


def _rows_in(file: Path) -> int:
    csv.field_size_limit(2**31 - 1)
    with file.open(newline="", encoding="utf-8") as opened:
        return sum(1 for _ in csv.reader(opened)) - 1


async def drop_role(connection: AsyncConnection, role: str) -> str:
    """Drop a role, and say what became of it. Where another database of the server still knows it, it stays."""
    if not await connection.scalar(_ROLE_EXISTS, {"role": role}):
        return f"there was no role {role}"
    statements: Sequence[str] = (f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')
    for statement in statements:
        try:
            async with connection.begin_nested():
                await connection.execute(text(statement))
        except DBAPIError as error:
            cause = driver_error(error)
            if isinstance(cause, DependentObjectsStillExistError):
                return f"the role {role} stays: another database of this server uses it"
            if isinstance(cause, InsufficientPrivilegeError):
                return f"the role {role} stays: this user may not drop it"
            raise
    return f"the role {role} is dropped"
