"""`hedgerow schedules …`: what comes with the clock, and running it now."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow_host.cli.changing import DryRun, Why
from hedgerow_host.cli.choosing import Context, Json

app = typer.Typer(help="Look at schedules, and run one now.", no_args_is_help=True)


@app.command("list")
def list_schedules(context: Context = None, as_json: Json = False) -> None:
    """List every schedule of the hosted contexts with its last and next tick.

    JSON: `context`, `name`, `cron`, `zone`, `catch_up`, `last_at`, `next_at`.

    Exit codes: 0, 1 (migrations are pending), 2, 3.

    Example: hedgerow schedules list
    """
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_contexts
    from hedgerow_host.operations import declared

    rows = with_contexts(load_settings(), context, lambda contexts, _clock: declared.list_schedules(contexts))
    columns = ("context", "name", "cron", "zone", "catch_up", "last_at", "next_at")
    print_rows(rows, as_json=as_json, columns=columns, empty="No schedule is declared.")


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="Name of a schedule.")],
    why: Why = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Record the task of a schedule now; its ticks stay as they are.

    JSON: `action`, `schedule`, `task_id`.

    Exit codes: 0, 1 (no such schedule, a dry run that would fail, or migrations are pending), 2, 3.

    Example: hedgerow schedules run billing.mark_overdue --why "the worker was down all night"
    """
    from hedgerow_core.domain import Clock
    from hedgerow_host.cli.changing import decided, say_done, say_rehearsed
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_contexts
    from hedgerow_host.operations import declared

    settings = load_settings()
    if dry_run:

        async def rehearse(contexts: declared.Contexts, clock: Clock) -> list[dict[str, object]]:
            return await declared.rehearse_schedule(*declared.schedule_of(contexts, name), clock)

        say_rehearsed(with_contexts(settings, None, rehearse), as_json=as_json)
        return
    decision = decided(why)

    async def record(contexts: declared.Contexts, clock: Clock) -> str:
        return str(await declared.run_schedule(*declared.schedule_of(contexts, name), decision, clock))

    id = with_contexts(settings, None, record)
    say_done({"action": "run", "schedule": name, "task_id": id}, f"run: task {id}", as_json=as_json)
