"""`hedgerow deliveries …`: find what is stuck, see why, and decide what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

if TYPE_CHECKING:
    from hedgerow_core.messaging.steering import DeliveryFilter

app = typer.Typer(help="Look at deliveries and tasks, try them again, or discard them.", no_args_is_help=True)

Ids = Annotated[list[UUID] | None, typer.Argument(help="Ids of events or tasks.")]
Context = Annotated[str | None, typer.Option(help="This context alone.")]
States = Annotated[list[str] | None, typer.Option("--state", help="pending, dead, …; may be given repeatedly.")]
Subscription = Annotated[str | None, typer.Option(help="Name of a subscription or task.")]
Type = Annotated[str | None, typer.Option("--type", help="Type of the event.")]
Error = Annotated[str | None, typer.Option(help="Part of the reason or of an error's message.")]
Since = Annotated[datetime | None, typer.Option(help="Received at this time (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option(help="Received before this time (UTC).")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the latest first.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="The reason; it is written down with your name.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@app.command("list")
def list_deliveries(
    ids: Ids = None,
    context: Context = None,
    state: States = None,
    subscription: Subscription = None,
    type: Type = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, the latest received first."""
    from hedgerow_host.cli.output import print_rows

    which = _filter(ids, state, subscription, type, error, since, until)
    columns = ("context", "event_id", "subscription", "state", "attempts", "received_at", "reason")
    print_rows(_found(context, which, limit), as_json=as_json, columns=columns, empty="No delivery is like that.")


@app.command("show")
def show(id: Annotated[UUID, typer.Argument(help="Id of an event or task.")], context: Context = None) -> None:
    """Print everything about the deliveries of one event or task, as JSON."""
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import ExitCode, HostError

    rows = _found(context, _filter([id]), 1000)
    if not rows:
        raise HostError(
            f"there is no delivery of {id}", fix="see `hedgerow deliveries list`", code=ExitCode.CHECK_FAILED
        )
    print_rows(rows, as_json=True)


def _deciding(action: str) -> Callable[..., None]:
    def decide(
        why: Why,
        ids: Ids = None,
        context: Context = None,
        state: States = None,
        subscription: Subscription = None,
        type: Type = None,
        error: Error = None,
        since: Since = None,
        until: Until = None,
        yes: Yes = False,
    ) -> None:
        _change(action, context, _filter(ids, state, subscription, type, error, since, until), why, yes)

    return decide


app.command("retry", help="Try dead, discarded or waiting deliveries again, now; what is parked behind resumes.")(
    _deciding("retry")
)
app.command("discard", help="Decide that deliveries shall never run; what is parked behind them resumes.")(
    _deciding("discard")
)


def deliveries_of(id: UUID) -> list[dict[str, Any]]:
    """Every delivery of one event or task, in all contexts."""
    return _found(None, _filter([id]), 1000)


def _filter(
    ids: list[UUID] | None,
    states: list[str] | None = None,
    subscription: str | None = None,
    type: str | None = None,
    error: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> DeliveryFilter:
    from datetime import UTC

    from hedgerow_core.messaging.steering import DeliveryFilter, DeliveryState

    try:
        wanted = tuple(DeliveryState(state) for state in states or ())
    except ValueError as unknown:
        raise typer.BadParameter(f"{unknown}: use {', '.join(DeliveryState)}", param_hint="--state") from unknown
    return DeliveryFilter(
        ids=tuple(ids or ()),
        states=wanted,
        subscription=subscription,
        type=type,
        error=error,
        since=since.replace(tzinfo=UTC) if since else None,
        until=until.replace(tzinfo=UTC) if until else None,
    )


def _found(context: str | None, which: DeliveryFilter, limit: int) -> list[dict[str, Any]]:
    from hedgerow_core.messaging import steering
    from hedgerow_host.ledgers import newest_rows

    return newest_rows(
        context, lambda connection: steering.listed(connection, which, limit=limit), by="received_at", limit=limit
    )


def _change(action: str, context: str | None, which: DeliveryFilter, why: str, yes: bool) -> None:
    import getpass

    from hedgerow_core.messaging import steering
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import Ledgers, with_ledgers

    if not why.strip():
        raise typer.BadParameter("say why: it is written down with your name", param_hint="--why")
    if which == steering.DeliveryFilter():
        raise typer.BadParameter("say which: give ids, or a filter such as --state dead")

    async def count(ledgers: Ledgers) -> dict[str, int]:
        counts: dict[str, int] = {}
        for name, database in ledgers.items():
            async with database.reading() as connection:
                for state, found in (await steering.counted(connection, which)).items():
                    counts[f"{name} {state}"] = found
        return counts

    async def change(ledgers: Ledgers) -> int:
        changed = 0
        for database in ledgers.values():
            async with database.transaction() as connection:
                act = steering.retry if action == "retry" else steering.discard
                changed += await act(connection, which, by=f"cli:{getpass.getuser()}", why=why)
        return changed

    settings = load_settings()
    counts = with_ledgers(settings, context, count)
    found = ", ".join(f"{number} {what}" for what, number in sorted(counts.items())) or "none"
    typer.echo(f"found: {found}", err=True)
    if not counts:
        raise typer.Exit(1)
    if not yes:
        typer.confirm(f"{action} what can be?", abort=True, err=True)
    typer.echo(f"{action}: {with_ledgers(settings, context, change)} changed")
