"""`hedgerow events …`: what was published, and what became of it; publishing and replaying by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from hedgerow_host.cli.changing import DryRun, Rehearsed, Why, Yes
from hedgerow_host.cli.choosing import Aggregate, Context, Json, Limit, OccurredSince, OccurredUntil, Type

app = typer.Typer(help="Look at published events, publish one by hand, replay them.", no_args_is_help=True)

Ids = Annotated[list[UUID] | None, typer.Argument(help="Ids of events.")]


@app.command("list")
def list_events(
    ids: Ids = None,
    context: Context = None,
    type: Type = None,
    aggregate: Aggregate = None,
    trace: Annotated[
        str | None, typer.Option(help="Trace of the request that started it: `trace_id` of problems and log lines.")
    ] = None,
    since: OccurredSince = None,
    until: OccurredUntil = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List what the hosted contexts have published, the latest first.

    JSON: all fields of the envelope; the payload may be personal, and only `show` has it.

    Exit codes: 0, 1 (migrations are pending), 2, 3.

    Example: hedgerow events list --type billing.invoice_paid --since 2026-01-15
    """
    from hedgerow_host.cli.choosing import event_filter
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import reads

    which = event_filter(ids, type=type, aggregate=aggregate, trace=trace, since=since, until=until)
    page = with_ledgers(load_settings(), context, lambda ledgers: reads.list_events(ledgers, which, limit=limit))
    columns = ("occurred_at", "type", "event_id", "aggregate_id", "correlation_id")
    print_rows(page.items, as_json=as_json, columns=columns, empty="No event is like that.")


@app.command("show")
def show(id: Annotated[UUID, typer.Argument(help="Id of an event.")]) -> None:
    """Print an event with its payload and its deliveries in all hosted contexts, as JSON.

    Exit codes: 0, 1 (there is none), 2, 3.

    Example: hedgerow events show 018f6f2e-7c1a-7e30-9c58-3f0f6f2f7a10
    """
    import json

    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import reads

    event = with_ledgers(load_settings(), None, lambda ledgers: reads.show_event(ledgers, id))
    if event is None:
        raise HostError(f"there is no event {id}", fix="see `hedgerow events list`", code=ExitCode.CHECK_FAILED)
    typer.echo(json.dumps(event, indent=2, ensure_ascii=False))


@app.command("tail")
def tail(
    context: Context = None,
    type: Type = None,
    for_s: Annotated[float | None, typer.Option("--for", min=0, help="End after so many seconds.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Print events as they become visible, until Ctrl-C or SIGTERM.

    What commits late is not passed over; a database that goes away is waited for.

    JSON: one JSON object a line, as `hedgerow events list` has them.

    Exit codes: 0, 1 (migrations are pending), 2, 3.

    Example: hedgerow events tail --context billing --for 60
    """
    from hedgerow_host.cli.choosing import event_filter
    from hedgerow_host.cli.following import print_as_they_come
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers

    which = event_filter(type=type)
    with_ledgers(
        load_settings(), context, lambda ledgers: print_as_they_come(ledgers, which, for_s=for_s, as_json=as_json)
    )


@app.command("emit")
def emit(
    type: Annotated[str, typer.Argument(help="Type of the event; a hosted context must publish it.")],
    aggregate: Annotated[UUID, typer.Option(help="Id of the aggregate that it happened to.")],
    why: Why = "",
    payload: Annotated[
        str | None, typer.Option(help="The payload, as JSON; fields that the contract lacks are refused.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file with the payload; neither: stdin.")] = None,
    aggregate_type: Annotated[
        str | None, typer.Option(help="Its type; unless told, as in its latest event.")
    ] = None,
    aggregate_version: Annotated[
        int | None, typer.Option(min=1, help="Its version; unless told, the latest known.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Publish an event by hand: through the outbox, as any other, under the newest version of its contract.

    The actor of the event is who runs the command.

    JSON: `action`, `type`, `event_id`.

    Exit codes: 0, 1 (nobody publishes it, the payload breaks its contract, nothing is known of the aggregate, or
    migrations are pending), 2, 3.

    Example: hedgerow events emit users.user_deleted --aggregate 018f6f2e-7c1a-7e30-9c58-3f0f6f2f7a10 --why "copy
    missed it" --file payload.json
    """
    from hedgerow_core.domain import Clock
    from hedgerow_core.messaging.emission import Emission
    from hedgerow_host.cli.changing import decided, say_done
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_contexts
    from hedgerow_host.operations import declared

    decision, content = decided(why), _payload(payload, file)

    async def publish(contexts: declared.Contexts, clock: Clock) -> str:
        context, contract = declared.contract_of(contexts, type)
        emission = Emission(
            contract=contract,
            payload=content,
            aggregate_id=aggregate,
            aggregate_type=aggregate_type,
            aggregate_version=aggregate_version,
        )
        return str(await declared.emit_event(context, emission, decision, clock))

    id = with_contexts(load_settings(), None, publish)
    say_done({"action": "emit", "type": type, "event_id": id}, f"emit: event {id}", as_json=as_json)


@app.command("replay")
def replay(
    subscription: Annotated[str, typer.Argument(help="Name of the subscription that gets them.")],
    ids: Ids = None,
    why: Why = "",
    aggregate: Aggregate = None,
    since: OccurredSince = None,
    until: OccurredUntil = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Also those that completed, were discarded or are dead: their effects happen again, so it asks.",
        ),
    ] = False,
    after: Annotated[
        int, typer.Option(min=0, help="Go on behind this position of an interrupted replay, which has said it.")
    ] = 0,
    dry_run: DryRun = False,
    limit: Rehearsed = 20,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Carry events of the publisher's outbox to one subscription that it never had: what came before a late
    start, or what an expired feed still can get.

    Without a filter it lets an expired feed go on. Events go in publisher order; those that come after others of
    their aggregate had their effect take it out of order. If the publisher lives on another host, its whole feed
    is read again by the next worker that runs, and filters, `--again`, `--after` and `--dry-run` are refused.

    JSON: as `hedgerow deliveries retry`, and `next_after`.

    Exit codes: 0, 1 (no such subscription, its publisher's outbox is in another database, not confirmed, a dry
    run in which something would fail, or migrations are pending), 2, 3, 4.

    Example: hedgerow events replay billing.copy_registered_user --dry-run
    """
    from hedgerow_host.cli.choosing import event_filter
    from hedgerow_host.cli.replaying import rehearse, run

    which = event_filter(ids, aggregate=aggregate, since=since, until=until)
    if dry_run:
        rehearse(subscription, which, again=again, limit=limit, as_json=as_json)
        return
    run(subscription, which, again=again, after=after, why=why, yes=yes, as_json=as_json)


def _payload(given: str | None, file: Path | None) -> dict[str, object]:
    import json
    import sys

    if given is not None and file is not None:
        raise typer.BadParameter("give --payload or --file, not both")
    try:
        text = given if given is not None else file.read_text() if file else sys.stdin.read()
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"the payload cannot be read: {error}", param_hint="--payload") from error
    if not isinstance(content, dict):
        raise typer.BadParameter("the payload is a JSON object", param_hint="--payload")
    return content
