"""What there is to move, from the catalog: tables of a schema with their columns and keys, and its sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

UNFENCED = ("feed_consumers",)
"""Written by subscribers, which are other contexts: they must not wait for the move of this one. What is written
there during the last moments may be lost; every subscriber says the same again after two seconds."""
HELD_BACK = ("outbox_ranges", "outbox_retirements")
"""Whoever cuts or retires a range of the outbox writes here first, and is refused as long as the move lasts."""
_VERSION_TABLES = ("alembic_version", "ledger_version")

_TABLES = """
    SELECT c.oid::bigint AS oid, c.relname AS name,
        array(SELECT child.relname::text FROM pg_partition_tree(c.oid) tree JOIN pg_class child
            ON child.oid = tree.relid WHERE tree.isleaf AND child.oid <> c.oid ORDER BY 1) AS leaves
    FROM pg_class c WHERE c.relnamespace = to_regnamespace($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY c.relname
"""
# The shortest unique index on columns that are never NULL, the primary key before all others.
_COLUMNS = """
    SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type, t.oid >= 16384 AND t.typtype <> 'e'
        OR element.oid >= 16384 AS is_local, array_position(key.columns, a.attnum) AS place_in_key
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type element ON element.oid = t.typelem
    LEFT JOIN LATERAL (
        SELECT i.indkey::smallint[] AS columns FROM pg_index i
        WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
            AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts AND NOT EXISTS (
                SELECT FROM pg_attribute nullable WHERE nullable.attrelid = i.indrelid AND NOT nullable.attnotnull
                    AND nullable.attnum = ANY (i.indkey))
        ORDER BY i.indisprimary DESC, i.indnatts, i.indexrelid LIMIT 1
    ) key ON true
    WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ORDER BY a.attnum
"""
_SEQUENCES = """
    SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'S' ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is carried; generated ones are not."""

    name: str
    type: str

    @property
    def is_transaction(self) -> bool:
        """Whether it holds a transaction id, which means nothing in another cluster."""
        return self.type == "xid8"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedTable:
    """A table of the context, with its partitions."""

    schema: str
    name: str
    leaves: tuple[str, ...]
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    """What tells two rows apart. Empty if nothing does: then the table is carried as a whole."""
    binary: bool
    """Whether COPY may use its binary format: not where a column's type has another number at the other side."""

    @property
    def quoted(self) -> str:
        """As SQL names it."""
        return f'"{self.schema}"."{self.name}"'

    @property
    def is_outbox(self) -> bool:
        """Whether its rows are ordered by the transaction that wrote them."""
        return self.name == "outbox"

    @property
    def carried(self) -> list[str]:
        """The columns that get a value. The outbox's transaction id does not: it becomes that of the copy."""
        return [each.name for each in self.columns if not (self.is_outbox and each.is_transaction)]

    def values(self, row: str) -> str:
        """SQL: the values of the carried columns. A transaction id becomes 0: nobody has passed anything here."""
        types = {each.name: each for each in self.columns}
        return ", ".join(
            f"'0'::xid8 AS \"{name}\"" if types[name].is_transaction else f'{row}."{name}"' for name in self.carried
        )

    def key_of(self, row: str) -> str:
        """SQL: the key of `row` as JSON."""
        columns = ", ".join(f'{row}."{each.name}"' for each in self.key)
        return f"jsonb_build_array({columns})"

    def text_of(self, row: str) -> str:
        """SQL: `row` as text that is the same at both sides, without transaction ids."""
        columns = ", ".join(f'{row}."{each.name}"' for each in self.columns if not each.is_transaction)
        return f"ROW({columns})::text"

    def has_key(self, row: str, key: str) -> str:
        """SQL: whether `row` has that key."""
        return " AND ".join(
            f'{row}."{each.name}" = ({key}->>{nth})::{each.type}' for nth, each in enumerate(self.key)
        )


async def tables_of(connection: Any, schema: str) -> list[MovedTable]:
    """All tables of the schema but those in which Alembic keeps versions."""
    found = []
    for row in await connection.fetch(_TABLES, schema):
        if row["name"] in _VERSION_TABLES:
            continue
        columns = await connection.fetch(_COLUMNS, row["oid"])
        key = sorted(
            (each for each in columns if each["place_in_key"] is not None), key=lambda c: c["place_in_key"]
        )
        found.append(
            MovedTable(
                schema=schema,
                name=row["name"],
                leaves=tuple(row["leaves"]),
                columns=tuple(Column(each["name"], each["type"]) for each in columns),
                key=tuple(Column(each["name"], each["type"]) for each in key),
                binary=not any(each["is_local"] for each in columns),
            )
        )
    return found


async def version_tables_of(connection: Any, schema: str) -> list[str]:
    """Those in which Alembic keeps versions."""
    names = [row["name"] for row in await connection.fetch(_TABLES, schema)]
    return [name for name in names if name in _VERSION_TABLES]


async def sequences_of(connection: Any, schema: str) -> Sequence[str]:
    """The names of the schema's sequences."""
    return [row["relname"] for row in await connection.fetch(_SEQUENCES, schema)]
