"""`hedgerow tasks …`: what contexts have told themselves to do later, and what became of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from hedgerow_host.cli.changing import DryRun, Rehearsed, Why, Yes
from hedgerow_host.cli.choosing import Context, Error, Json, Limit, Since, States, Task, Trace, Until

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
    """List tasks, the latest recorded first: deliveries that a context has addressed to itself.

    JSON: all fields but `payload` and `errors`, which `show` has.

    Exit codes: 0, 1 (migrations are pending), 2, 3.

    Example: hedgerow tasks list --task billing.charge_payment --state retry_wait
    """
    from hedgerow_host.cli.choosing import delivery_filter
    from hedgerow_host.cli.deliveries import print_deliveries

    which = delivery_filter(ids, states=state, subscription=task, error=error, since=since, until=until, tasks=True)
    print_deliveries(which, context=context, limit=limit, as_json=as_json, empty="No task is like that.")


@app.command("show")
def show(
    id: Annotated[UUID, typer.Argument(help="Id of a task.")],
    context: Context = None,
    trace: Trace = False,
) -> None:
    """Print everything about one task, as JSON.

    Exit codes: 0, 1 (there is none, or it has not failed), 2, 3.

    Example: hedgerow tasks show 018f6f2e-7c1a-7e30-9c58-3f0f6f2f7a10 --trace
    """
    from hedgerow_host.cli.deliveries import show_deliveries

    show_deliveries(id, context=context, tasks=True, trace=trace)


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
    """Give dead, canceled and waiting tasks a new set of attempts, due now.

    Otherwise as `hedgerow deliveries retry`.

    JSON: `action`, `changed`, `contexts`, `remaining`, `failed`.

    Exit codes: 0, 1 (none found, not confirmed, a dry run in which something would fail, or migrations are
    pending), 2, 3, 4.

    Example: hedgerow tasks retry --state dead --task billing.charge_payment --why "the gateway is back"
    """
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
    """Decide that dead, waiting or pending tasks shall never run.

    Otherwise as `hedgerow deliveries discard`.

    JSON: `action`, `changed`, `contexts`, `remaining`, `failed`.

    Exit codes: 0, 1 (none found, not confirmed, or migrations are pending), 2, 3, 4.

    Example: hedgerow tasks cancel 018f6f2e-7c1a-7e30-9c58-3f0f6f2f7a10 --why "recorded twice"
    """
    from hedgerow_core.messaging.steering import Action
    from hedgerow_host.cli.changing import change_deliveries
    from hedgerow_host.cli.choosing import delivery_filter

    which = delivery_filter(ids, states=state, subscription=task, error=error, since=since, until=until, tasks=True)
    change_deliveries(Action.CANCEL, which, context=context, why=why, yes=yes, as_json=as_json)
