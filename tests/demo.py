"""`make demo`: starts a host of its own on the embedded default, plays the story, shows what caused what."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence.embedded import running_embedded_postgres
from hedgerow_core.testing.servers import free_port
from tests.processes import running
from tests.story import StoryError, play

EXPECTED = [
    "users.user_registered",
    "billing.invoice_created",
    "billing.invoice_opened",
    "billing.payment_requested",
    "billing.invoice_paid",
]

# A demonstration may look into every schema; a context could not.
_EVENTS = text(
    """
    SELECT type, occurred_at, correlation_id, causation_id, actor FROM (
        SELECT * FROM users.outbox UNION ALL SELECT * FROM billing.outbox) published
    ORDER BY occurred_at
    """
)
_TASKS = text("SELECT event_id, subscription, causation_id, correlation_id FROM billing.deliveries")


def main() -> int:
    """Play; returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="hedgerow-demo-") as folder:
        url = f"http://127.0.0.1:{free_port()}"
        print(f"Starting a host of its own on {url} …", flush=True)
        port = url.rpartition(":")[2]
        with running("dev", "--port", port, folder=Path(folder), environment={}) as host:
            host.wait_for("Ctrl-C stops everything.")
            try:
                with httpx.Client(base_url=url, timeout=10) as client:
                    play(client, lambda line: print(f"  {line}", flush=True))
                asyncio.run(_show_events(Path(folder) / ".hedgerow"))
            except StoryError as error:
                print(f"NOT AS TOLD: {error}\n\nThe host wrote:\n{host.output}", file=sys.stderr)
                return 1
    print("As told.")
    return 0


async def _show_events(data: Path) -> None:
    """The events that were published, in order, with the request or task that caused each."""
    address = running_embedded_postgres(data)
    assert address is not None
    async with create_async_engine(address.url, poolclass=NullPool).connect() as connection:
        events = (await connection.execute(_EVENTS)).all()
        tasks = {row.event_id: row.subscription for row in await connection.execute(_TASKS)}
    print("The events, and what caused each:")
    for event in events:
        task = tasks.get(event.causation_id)
        cause = (
            f"task {task} of request {event.correlation_id[:8]}" if task else f"request {event.correlation_id[:8]}"
        )
        print(f"  {event.occurred_at:%H:%M:%S.%f}  {event.type:<28} ← {cause}")
    published = [event.type for event in events]
    if published != EXPECTED:
        raise StoryError(f"the events are {published}, expected {EXPECTED}")


if __name__ == "__main__":
    sys.exit(main())
