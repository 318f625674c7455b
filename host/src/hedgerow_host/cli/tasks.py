"""`hedgerow tasks …`: what contexts have told themselves to do later, and what became of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from hedgerow_host.cli.changing import DryRun, Rehearsed, Why, Yes
from hedgerow_host.cli.choosing import Context, Error, Json, Limit, Since, States, Task, Until

app = typer.Typer(help="Look at tasks, try them again, or cancel them.", no_args_is_help=True)

Ids = Annotated[list[UUID] | None, typer.Argument(help="Ids of tasks.")]


@app.command("list")
def list_tasks(
    ids: Ids = None,
    context: Context = None,
    state: States = None,
    task: Task = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List tasks, the latest recorded first."""
    from hedgerow_host.cli.choosing import delivery_filter
    from hedgerow_host.cli.deliveries import print_deliveries

    which = delivery_filter(ids, states=state, subscription=task, error=error, since=since, until=until, tasks=True)
    print_deliveries(which, context=context, limit=limit, as_json=as_json, empty="No task is like that.")


@app.command("show")
def show(id: Annotated[UUID, typer.Argument(help="Id of a task.")], context: Context = None) -> None:
    """Print everything about one task, as JSON."""
    from hedgerow_host.cli.deliveries import show_deliveries

    show_deliveries(id, context=context, tasks=True)


@app.command("retry")
def retry(
    ids: Ids = None,
    why: Why = "",
    context: Context = None,
    state: States = None,
    task: Task = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    dry_run: DryRun = False,
    limit: Rehearsed = 20,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Try dead, canceled or waiting tasks again, now."""
    from hedgerow_host.cli.changing import retry_deliveries
    from hedgerow_host.cli.choosing import delivery_filter

    which = delivery_filter(ids, states=state, subscription=task, error=error, since=since, until=until, tasks=True)
    retry_deliveries(which, context=context, why=why, dry_run=dry_run, limit=limit, yes=yes, as_json=as_json)


@app.command("cancel")
def cancel(
    ids: Ids = None,
    why: Why = "",
    context: Context = None,
    state: States = None,
    task: Task = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Decide that tasks shall never run."""
    from hedgerow_core.messaging.steering import Action
    from hedgerow_host.cli.changing import change_deliveries
    from hedgerow_host.cli.choosing import delivery_filter

    which = delivery_filter(ids, states=state, subscription=task, error=error, since=since, until=until, tasks=True)
    change_deliveries(Action.CANCEL, which, context=context, why=why, yes=yes, as_json=as_json)
