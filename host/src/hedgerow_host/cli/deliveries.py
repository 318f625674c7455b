"""`hedgerow deliveries …`: find what is stuck, see why, and decide what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from hedgerow_host.cli.changing import DryRun, Rehearsed, Why, Yes
from hedgerow_host.cli.choosing import (
    Context,
    Error,
    Ids,
    Json,
    Limit,
    Since,
    States,
    Subscription,
    Trace,
    Type,
    Until,
)

if TYPE_CHECKING:
    from hedgerow_core.messaging.selection import DeliveryFilter

app = typer.Typer(help="Look at deliveries and tasks, and decide what becomes of them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a subscription or task.")]


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
    """List deliveries and tasks, the latest received first. What is paused is named on stderr.

    JSON: all fields but `payload` and `errors`, which `show` has.

    Exit codes: 0, 1 (migrations are pending), 2, 3.

    Example: hedgerow deliveries list --state dead
    """
    from hedgerow_host.cli.choosing import delivery_filter

    which = delivery_filter(
        ids, states=state, subscription=subscription, type=type, error=error, since=since, until=until
    )
    print_deliveries(which, context=context, limit=limit, as_json=as_json, empty="No delivery is like that.")


@app.command("show")
def show(
    id: Annotated[UUID, typer.Argument(help="Id of an event or task.")],
    context: Context = None,
    trace: Trace = False,
) -> None:
    """Print everything about the deliveries of one event or task, as JSON: `payload` and the history of
    `errors`, too.

    Exit codes: 0, 1 (there is none, or none has failed), 2, 3.

    Example: hedgerow deliveries show 018f6f2e-7c1a-7e30-9c58-3f0f6f2f7a10 --trace
    """
    show_deliveries(id, context=context, tasks=False, trace=trace)


@app.command("retry")
def retry(
    ids: Ids = None,
    why: Why = "",
    context: Context = None,
    state: States = None,
    subscription: Subscription = None,
    type: Type = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,
    limit: Rehearsed = 20,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give dead, discarded and waiting deliveries a new set of attempts, due now.

    What is parked behind them resumes, in order. Takes ids, or a filter, or both; says what it finds, and asks
    before it acts. Works in batches of 1,000, each in a transaction of its own: asking twice changes nothing
    more, and asking after an interruption goes on. Who, why, which and how many are written into the trail of
    each context: see `hedgerow audit`.

    JSON: `action`, `changed`, `contexts`, `remaining`, `failed`.

    Exit codes: 0, 1 (none found, not confirmed, a dry run in which something would fail, or migrations are
    pending), 2, 3, 4.

    Example: hedgerow deliveries retry --state dead --subscription billing.copy_registered_user --why "mended in
    1.4.2"
    """
    from hedgerow_host.cli.changing import retry_deliveries
    from hedgerow_host.cli.choosing import delivery_filter

    which = delivery_filter(
        ids, states=state, subscription=subscription, type=type, error=error, since=since, until=until
    )
    retry_deliveries(which, context=context, why=why, dry_run=dry_run, limit=limit, yes=yes, as_json=as_json)


def _deciding(action: str) -> Callable[..., None]:
    def decide(
        ids: Ids = None,
        why: Why = "",
        context: Context = None,
        state: States = None,
        subscription: Subscription = None,
        type: Type = None,
        error: Error = None,
        since: Since = None,
        until: Until = None,
        yes: Yes = False,
        as_json: Json = False,
    ) -> None:
        from hedgerow_core.messaging.steering import Action
        from hedgerow_host.cli.changing import change_deliveries
        from hedgerow_host.cli.choosing import delivery_filter

        which = delivery_filter(
            ids, states=state, subscription=subscription, type=type, error=error, since=since, until=until
        )
        change_deliveries(Action(action), which, context=context, why=why, yes=yes, as_json=as_json)

    return decide


SKIP = """Leave dead deliveries dead, and let those parked behind them go on without them.

A skipped delivery may still be retried, then out of order. Otherwise as `hedgerow deliveries retry`.

JSON: `action`, `changed`, `contexts`, `remaining`, `failed`.

Exit codes: 0, 1 (none found, not confirmed, or migrations are pending), 2, 3, 4.

Example: hedgerow deliveries skip 018f6f2e-7c1a-7e30-9c58-3f0f6f2f7a10 --why "the account is gone"
"""
DISCARD = """Decide that dead, waiting, parked or pending deliveries shall never run.

What is parked behind them resumes. Otherwise as `hedgerow deliveries retry`.

JSON: `action`, `changed`, `contexts`, `remaining`, `failed`.

Exit codes: 0, 1 (none found, not confirmed, or migrations are pending), 2, 3, 4.

Example: hedgerow deliveries discard --state dead --type users.user_updated --why "made by a test"
"""
app.command("skip", help=SKIP)(_deciding("skip"))
app.command("discard", help=DISCARD)(_deciding("discard"))


@app.command("pause")
def pause(subscription: Name, why: Why = "", context: Context = None) -> None:
    """Have nothing of a subscription or task claimed until it is resumed.

    What arrives waits, in order; what runs comes to its end.

    Exit codes: 0, 1 (nobody knows it, or migrations are pending), 2, 3.

    Example: hedgerow deliveries pause billing.charge_payment --why "the gateway is away"
    """
    _set_paused(subscription, True, why, context)


@app.command("resume")
def resume(subscription: Name, why: Why = "", context: Context = None) -> None:
    """Let a paused subscription or task go on where it stood.

    Exit codes: 0, 1 (nobody knows it, or migrations are pending), 2, 3.

    Example: hedgerow deliveries resume billing.charge_payment --why "the gateway is back"
    """
    _set_paused(subscription, False, why, context)


def print_deliveries(which: DeliveryFilter, *, context: str | None, limit: int, as_json: bool, empty: str) -> None:
    """Print a list of deliveries; what stands still is said on stderr, too."""
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import reads
    from hedgerow_host.operations.rows import Ledgers, Row

    async def look(ledgers: Ledgers) -> tuple[list[Row], list[Row]]:
        page = await reads.list_deliveries(ledgers, which, limit=limit)
        return list(page.items), await reads.list_paused(ledgers)

    rows, paused = with_ledgers(load_settings(), context, look)
    for each in paused:
        typer.echo(
            f"paused: {each['subscription']} since {each['at']} by {each['actor']}: {each['reason']}", err=True
        )
    shown = rows if as_json else [{**row, "state": _state(row)} for row in rows]
    columns = ("context", "event_id", "subscription", "state", "attempts", "received_at", "reason")
    print_rows(shown, as_json=as_json, columns=columns, empty=empty)


def show_deliveries(id: UUID, *, context: str | None, tasks: bool, trace: bool) -> None:
    """Print everything about one event's deliveries, or one task; or what the last failure of each says."""
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import reads

    rows = with_ledgers(load_settings(), context, lambda ledgers: reads.show_deliveries(ledgers, id, tasks=tasks))
    if not rows:
        what, verb = ("task", "tasks") if tasks else ("delivery of", "deliveries")
        raise HostError(f"there is no {what} {id}", fix=f"see `hedgerow {verb} list`", code=ExitCode.CHECK_FAILED)
    if not trace:
        print_rows(rows, as_json=True)
        return
    failed = [row for row in rows if row["errors"]]
    if not failed:
        raise HostError("no attempt has failed", fix="see all of it without --trace", code=ExitCode.CHECK_FAILED)
    for row in failed:
        last = row["errors"][-1]
        typer.echo(f"{row['subscription']}, attempt {last['attempt']} at {last['at']}:\n{last['trace'].rstrip()}")


def _set_paused(subscription: str, paused: bool, why: str, context: str | None) -> None:
    from hedgerow_host.cli.changing import decided
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import changes

    decision = decided(why)
    change = changes.pause if paused else changes.resume
    changed = with_ledgers(load_settings(), context, lambda ledgers: change(ledgers, subscription, decision))
    state = "paused" if paused else "goes on"
    typer.echo(f"{subscription}: {state}" if changed else f"{subscription}: {state} already")


def _state(row: dict[str, object]) -> str:
    if row["skipped_at"]:
        return f"{row['state']} (skipped)"
    waits = row["paused"] and row["state"] in ("pending", "retry_wait")
    return f"{row['state']} (paused)" if waits else str(row["state"])
