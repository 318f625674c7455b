"""What was written since: changed rows are read again by their key, and take the place of what the target has.

A step takes the target from one moment of the source to a later one. It reads what became visible between two
snapshots, so nothing is missed that commits late; rows and cursor commit together, so a killed step is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hedgerow_host.extraction.move import fence
from hedgerow_host.extraction.move.capture import log_of
from hedgerow_host.extraction.move.carrying import carry
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.state import cursor_of, move_cursor
from hedgerow_host.extraction.move.tables import UNFENCED, MovedTable

PAGE = 5_000
"""Keys at a time."""

_IS_NEW = """
    xid >= pg_snapshot_xmin('{cursor}'::pg_snapshot) AND NOT pg_visible_in_snapshot(xid, '{cursor}'::pg_snapshot)
"""
# A key that was changed a thousand times is read once, as it is now.
_COLLECT = """
    CREATE TEMP TABLE moved_keys ON COMMIT DROP AS
    SELECT relation, key, row_number() OVER (PARTITION BY relation) AS nth
    FROM (SELECT DISTINCT relation, key FROM {log} WHERE {is_new}) changed
"""
_CHANGED = "SELECT relation, count(*) AS keys FROM pg_temp.moved_keys GROUP BY relation"
_KEYS = "SELECT key::text FROM pg_temp.moved_keys WHERE relation = $1 AND nth > $2 AND nth <= $3"


@dataclass(slots=True)
class Step:
    """What one step found."""

    snapshot: str
    """The moment of the source that the target has reached."""
    keys: dict[str, int] = field(default_factory=dict)
    """Changed keys, by table."""
    differing: list[str] = field(default_factory=list)
    """Tables whose carried rows are not the same at both sides; looked for if `check` was asked for."""

    @property
    def size(self) -> int:
        """Changed keys in all."""
        return sum(self.keys.values())


async def follow(
    source: Side, target: Side, context: str, tables: Sequence[MovedTable], *, check: bool = False
) -> Step:
    """Bring the target to what the source is now, and look whether it is the same, if `check` is asked for."""
    async with source.frozen() as snapshot:
        return await follow_to(snapshot, source, target, context, tables, check=check)


async def follow_to(
    snapshot: str,
    source: Side,
    target: Side,
    context: str,
    tables: Sequence[MovedTable],
    *,
    check: bool = False,
) -> Step:
    """Bring the target to the moment that the source's transaction sees.

    Raises:
        HostError: the target takes writes, and they would be lost.
    """
    step = Step(snapshot)
    await fence.demand_closed(target, context)
    async with target.as_replica() as there:
        cursor = await cursor_of(target, context, lock=True)
        await source.connection.execute(_COLLECT.format(log=log_of(context), is_new=_IS_NEW.format(cursor=cursor)))
        step.keys = {row["relation"]: row["keys"] for row in await source.connection.fetch(_CHANGED)}
        for table in tables:
            if table.name in step.keys:
                await _bring(source, target, there, table, step.keys[table.name])
                if check and table.key and table.name not in UNFENCED and not await _is_same(source, there, table):
                    step.differing.append(table.name)
        await source.connection.execute("DROP TABLE pg_temp.moved_keys")
        await move_cursor(target, context, snapshot)
    return step


async def waiting(source: Side, target: Side, context: str) -> int:
    """About how many changes the target has not got yet."""
    where = _IS_NEW.format(cursor=await cursor_of(target, context))
    return int(await source.connection.fetchval(f"SELECT count(*) FROM {log_of(context)} WHERE {where}"))


async def forget(source: Side, target: Side, context: str) -> None:
    """Delete the notes of what has been carried."""
    passed = await cursor_of(target, context)
    await source.connection.execute(
        f"DELETE FROM {log_of(context)} WHERE xid < pg_snapshot_xmin($1::text::pg_snapshot)", passed
    )


async def _bring(source: Side, target: Side, there: Any, table: MovedTable, keys: int) -> None:
    """All that changed goes first: a value that must be unique may have wandered from one row to another."""
    if not table.key:
        await there.execute(f"DELETE FROM {table.quoted}")
        await carry(source, target, table, f"SELECT {table.values('r')} FROM {table.quoted} r")
        return
    pages = [(first, first + PAGE) for first in range(0, keys, PAGE)]
    for first, last in pages:
        await there.execute(
            f"DELETE FROM {table.quoted} r USING jsonb_array_elements($1::text::jsonb) AS gone(key)"
            f" WHERE {table.has_key('r', 'gone.key')}",
            await _keys(source, table, first, last),
        )
    for first, last in pages:
        rows = (
            f"SELECT {table.values('r')} FROM pg_temp.moved_keys k JOIN {table.quoted} r"
            f" ON {table.has_key('r', 'k.key')}"
            f" WHERE k.relation = '{table.name}' AND k.nth > {first} AND k.nth <= {last}"
        )
        if table.is_outbox:
            rows += " ORDER BY r.id"
        await carry(source, target, table, rows)


async def _keys(source: Side, table: MovedTable, first: int, last: int) -> str:
    """A page of keys, as a JSON array."""
    page = await source.connection.fetch(_KEYS, table.name, first, last)
    return f"[{','.join(row['key'] for row in page)}]"


async def _is_same(source: Side, there: Any, table: MovedTable) -> bool:
    """Whether the first page of changed rows reads the same at both sides: at a switch, there is no second one."""
    digest = f"SELECT count(*), md5(string_agg(md5({table.text_of('r')}), '' ORDER BY k.key::text COLLATE \"C\"))"
    here = await source.connection.fetchrow(
        f"{digest} FROM pg_temp.moved_keys k JOIN {table.quoted} r ON {table.has_key('r', 'k.key')}"
        f" WHERE k.relation = '{table.name}' AND k.nth <= {PAGE}"
    )
    arrived = await there.fetchrow(
        f"{digest} FROM jsonb_array_elements($1::text::jsonb) AS k(key)"
        f" JOIN {table.quoted} r ON {table.has_key('r', 'k.key')}",
        await _keys(source, table, 0, PAGE),
    )
    return bool(tuple(here) == tuple(arrived))
