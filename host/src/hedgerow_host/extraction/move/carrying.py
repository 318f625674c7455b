"""How rows get from one side to the other: streamed by COPY, a few pieces in memory at a time, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.tables import MovedTable

PIECES_UNDER_WAY = 16
"""Pieces of about 64 KiB: who writes faster than the other side reads has to wait."""


async def carry(source: Side, target: Side, table: MovedTable, rows: str) -> int:
    """Insert what the query `rows` finds at the source into the target's table; returns how many that were.

    `rows` gives the table's `values`. Both sides are in a transaction.
    """
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_UNDER_WAY)
    form = "binary" if table.binary else "text"

    async def read() -> None:
        try:
            await source.connection.copy_from_query(rows, output=pieces.put, format=form)
        finally:
            await pieces.put(None)

    async def arriving() -> AsyncIterator[bytes]:
        while (piece := await pieces.get()) is not None:
            yield piece

    reading = asyncio.create_task(read())
    try:
        told = await target.connection.copy_to_table(
            table.name, schema_name=table.schema, columns=table.carried, source=arriving(), format=form
        )
        await reading  # raises what went wrong at the source: the target's transaction must not commit then
    finally:
        reading.cancel()
        while not pieces.empty():
            pieces.get_nowait()
        with suppress(asyncio.CancelledError, Exception):
            await reading
    return int(told.rpartition(" ")[2])
