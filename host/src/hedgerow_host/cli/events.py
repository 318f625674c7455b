"""`hedgerow events …`: what the contexts have published, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from hedgerow_core.messaging.feed import EventFilter

app = typer.Typer(help="Look at published events.", no_args_is_help=True)

Context = Annotated[str | None, typer.Option(help="This publisher alone.")]


@app.command("list")
def list_events(
    context: Context = None,
    type: Annotated[str | None, typer.Option("--type", help="Type of the event.")] = None,
    aggregate: Annotated[UUID | None, typer.Option(help="Id of the aggregate that it happened to.")] = None,
    trace: Annotated[str | None, typer.Option(help="Trace of the request that started it.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Occurred at this time (UTC) or later.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Occurred before this time (UTC).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the latest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List events, the latest first."""
    from datetime import UTC

    from hedgerow_core.messaging.feed import EventFilter
    from hedgerow_host.cli.output import print_rows

    which = EventFilter(
        type=type,
        aggregate_id=aggregate,
        correlation_id=trace,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
    )
    columns = ("occurred_at", "type", "event_id", "aggregate_id", "correlation_id")
    print_rows(_found(context, which, limit), as_json=as_json, columns=columns, empty="No event is like that.")


@app.command("show")
def show(id: Annotated[UUID, typer.Argument(help="Id of an event.")]) -> None:
    """Print an event and all its deliveries, as JSON."""
    import json

    from hedgerow_core.messaging.feed import EventFilter
    from hedgerow_host.cli.deliveries import deliveries_of
    from hedgerow_host.exits import ExitCode, HostError

    events = _found(None, EventFilter(event_id=id), 1)
    if not events:
        raise HostError(f"there is no event {id}", fix="see `hedgerow events list`", code=ExitCode.CHECK_FAILED)
    typer.echo(json.dumps(events[0] | {"deliveries": deliveries_of(id)}, indent=2, ensure_ascii=False))


def _found(context: str | None, which: EventFilter, limit: int) -> list[dict[str, Any]]:
    from hedgerow_core.messaging.feed import published
    from hedgerow_host.ledgers import newest_rows

    return newest_rows(
        context, lambda connection: published(connection, which, limit=limit), by="occurred_at", limit=limit
    )
