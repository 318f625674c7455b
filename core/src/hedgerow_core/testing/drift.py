"""Holds the tables that code declares against those that its migrations have made."""

from __future__ import annotations

import warnings
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData
from sqlalchemy.exc import SAWarning
from sqlalchemy.schema import SchemaItem

_LEFT_TO_MIGRATIONS = {"index", "unique_constraint", "foreign_key_constraint"}


def drift_of(connection: Connection, tables: MetaData) -> list[str]:
    """What the tables declare and the database does not have so, and what it asks for and they don't know.

    Looks at columns, their types and whether they may be null, on a connection whose `search_path` is the context's
    schema. Constraints and indexes are said in migrations alone. A column more is no drift, as long as a row can do
    without it: between expanding and contracting there is one.
    """
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _parents: kind != "table" or name in tables.tables,
        "include_object": _is_compared,
    }
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Did not recognize type", SAWarning)  # of a column that nobody declares
        differences = compare_metadata(context, tables)
    found = []
    for difference in differences:
        parts = difference if isinstance(difference, list) else [difference]
        found += [_told(*part) for part in parts]
    connection.rollback()
    return sorted(found)


def _is_compared(
    item: SchemaItem, _name: str | None, kind: str, is_in_database: bool, declared: SchemaItem | None
) -> bool:
    if kind in _LEFT_TO_MIGRATIONS:
        return False
    if is_in_database and declared is None:
        return isinstance(item, Column) and _is_demanded(item)
    return True


def _is_demanded(column: Column[Any]) -> bool:
    return not (column.nullable or column.server_default or column.identity or column.computed)


def _told(kind: str, *rest: Any) -> str:
    match kind:
        case "add_table":
            return f"{rest[0].name}: declared, and not there"
        case "add_column":
            return f"{rest[1]}.{rest[2].name}: declared, and not there"
        case "remove_column":
            return f"{rest[1]}.{rest[2].name}: has to be given in the database, and is not declared"
        case "modify_type":
            return f"{rest[1]}.{rest[2]}: {rest[4]!r} in the database, and {rest[5]!r} declared"
        case "modify_nullable":
            may = {True: "may be null", False: "may not be null"}
            return f"{rest[1]}.{rest[2]}: {may[rest[4]]} in the database, and {may[rest[5]]} as declared"
    return f"{kind}: {rest}"
