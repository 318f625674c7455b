"""Whether both sides hold the same: digests of every table, and the rows that differ.

A table is compared in 256 buckets of keys, so that only the buckets that differ are read row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.tables import UNFENCED, MovedTable

SHOWN = 20
"""Rows of a table that are named; the others are counted."""

# The sum does not depend on the order of rows, and other than by XOR two equal rows do not cancel each other out.
_DIGESTS = """
    SELECT bucket, count(*) AS rows, sum(('x' || substr(digest, 1, 15))::bit(60)::bigint)::text AS digest
    FROM (SELECT ('x' || substr(md5({key}), 1, 2))::bit(8)::int AS bucket, md5({row}) AS digest FROM {table} r) rows
    GROUP BY bucket
"""
_ROWS = """
    SELECT {key} AS key, md5({row}) AS digest FROM {table} r
    WHERE ('x' || substr(md5({key}), 1, 2))::bit(8)::int = ANY ($1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that is not the same at both sides."""

    table: str
    key: str
    what: str
    """`only at the source`, `only at the target` or `differs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared, and what was found."""

    tables: int
    rows: int
    differences: Sequence[Difference]
    differing: int
    """All of them; only some are listed."""


async def compare_now(source: Side, target: Side, tables: Sequence[MovedTable]) -> Comparison:
    """Compare what both hold. Nobody writes to the target, and the source stands still or is frozen."""
    rows, differing = 0, 0
    found: list[Difference] = []
    compared = [table for table in tables if table.name not in UNFENCED]
    for table in compared:
        here, there = await _digests(source, table), await _digests(target, table)
        rows += sum(count for count, _digest in here.values())
        buckets = sorted(bucket for bucket in here.keys() | there.keys() if here.get(bucket) != there.get(bucket))
        if buckets:
            differences = await _differences(source, target, table, buckets)
            differing += len(differences)
            found += differences[:SHOWN]
    return Comparison(tables=len(compared), rows=rows, differences=found, differing=differing)


def _key_of(table: MovedTable) -> str:
    return f"{table.key_of('r')}::text" if table.key else table.text_of("r")


async def _digests(side: Side, table: MovedTable) -> dict[int, tuple[int, str]]:
    statement = _DIGESTS.format(key=_key_of(table), row=table.text_of("r"), table=table.quoted)
    return {row["bucket"]: (row["rows"], row["digest"]) for row in await side.connection.fetch(statement)}


async def _differences(source: Side, target: Side, table: MovedTable, buckets: Sequence[int]) -> list[Difference]:
    statement = _ROWS.format(key=_key_of(table), row=table.text_of("r"), table=table.quoted)
    here, there = [
        {row["key"]: row["digest"] for row in await side.connection.fetch(statement, buckets)}
        for side in (source, target)
    ]
    found = []
    for key in sorted(here.keys() | there.keys()):
        if here.get(key) != there.get(key):
            where = "the source" if key not in there else "the target"
            what = "differs" if key in here and key in there else f"only at {where}"
            found.append(Difference(table=table.name, key=key, what=what))
    return found
