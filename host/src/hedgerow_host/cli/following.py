"""How `hedgerow events tail` prints what it follows, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from hedgerow_core.domain import UnavailableError
from hedgerow_host.operations.following import follow, here

if TYPE_CHECKING:
    from hedgerow_core.messaging.feed import EventFilter
    from hedgerow_host.operations.rows import Ledgers, Row

POLL_S = 0.2
AT_ONCE = 500
PAUSE_WHEN_AWAY_S = 1.0


async def print_as_they_come(ledgers: Ledgers, which: EventFilter, *, for_s: float | None, as_json: bool) -> None:
    """Print every event that becomes visible from now on, until SIGINT, SIGTERM or the time is over.

    A database that goes away is waited for; nothing is passed over.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    places = await here(ledgers)
    if for_s is not None:
        loop.call_later(for_s, stop.set)
    typer.echo("following; Ctrl-C ends it", err=True)
    away = False
    while not stop.is_set():
        try:
            rows, places = await follow(ledgers, places, which, limit=AT_ONCE)
            away = False
        except UnavailableError as error:
            if not away:
                typer.echo(f"waiting: {error.message}", err=True)
            away, rows = True, []
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))
        if not rows:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE_WHEN_AWAY_S if away else POLL_S)


def _line(row: Row) -> str:
    return (
        f"{row['occurred_at']}  {row['type']}  {row['event_id']}  of {row['aggregate_type']} {row['aggregate_id']}"
    )
