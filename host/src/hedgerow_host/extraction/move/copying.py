"""The first copy: all rows as of one moment, in one transaction of the target, together with that moment.

Killed halfway, it has left nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hedgerow_host.extraction.move import fence
from hedgerow_host.extraction.move.carrying import carry
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.state import move_cursor
from hedgerow_host.extraction.move.tables import MovedTable

Tell = Callable[[str], None]


async def copy_all(source: Side, target: Side, context: str, tables: Sequence[MovedTable], tell: Tell) -> int:
    """Copy every table; returns how many rows there were. What a migration has put into the target goes.

    Raises:
        HostError: the target takes writes.
    """
    rows = 0
    await fence.demand_closed(target, context)
    async with source.frozen() as snapshot, target.as_replica() as there:
        for table in tables:
            await there.execute(f"DELETE FROM {table.quoted}")
        for table in tables:
            copied = await carry(source, target, table, f"SELECT {table.values('r')} FROM {table.quoted} r")
            tell(f"{table.schema}.{table.name}: {copied} rows")
            rows += copied
        await move_cursor(target, context, snapshot)
    for table in tables:  # it has no statistics yet, and the first queries would be planned without
        await target.connection.execute(f"ANALYZE {table.quoted}")
    return rows
