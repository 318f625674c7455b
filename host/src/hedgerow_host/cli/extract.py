"""`hedgerow extract …`: give a context a host and a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_core.persistence import DatabaseAddress
    from hedgerow_host.extraction.plan.database import InDatabase
    from hedgerow_host.loading import LoadedContext
    from hedgerow_host.settings import HostSettings

app = typer.Typer(help="Give a context a host of its own.", no_args_is_help=True)


@app.command("plan")
def plan(
    name: Annotated[str, typer.Argument(metavar="CONTEXT", help="The context that is to move.")],
    database: Annotated[
        bool | None,
        typer.Option(
            "--database/--no-database",
            help=(
                "Whether to look at the database; in `dev` without a URL at the embedded one. Neither: if "
                "HEDGEROW_DATABASE_URL is set."
            ),
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help=(
                "postgresql://… of the database that it is to go to: whether a move could be made there. Looked "
                "at with the other one."
            ),
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                "A URL or a file with the metrics of a running host; may be said for each process, and is counted"
                " together."
            )
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what stands in the way of giving a context a host and a database of its own, what moves, and what to
    set at both hosts.

    It reads the code of all hosted contexts (and runs none of it), the database, what the guard of the test kit
    has left of the last test runs, and the metrics of running hosts (ADR 0036). It changes nothing. What it has
    not looked at, and why, stands at the end; a plan that has looked at nothing has found nothing.

    Values of settings are never shown; of a secret only that it is one, and whether it is set here. A blocker
    has a place: a line of code, or an object of the database.

    JSON: `context`, `movable`, `blockers` and `cautions` (`kind`, `subject`, `what`, `why`, `fix`, `file`,
    `line`, `object`), `questions` (where in the code), `measured`, `moves` (routes, permissions, events,
    queries, tasks, schedules, tables with `bytes` and estimated `rows`, deliveries that are not done), `set`
    (`at` is `stays` or `new`; `value` is null where somebody has to fill it in), `looked_at`.

    Exit codes: 0 (nothing blocks), 1 (something does), 2 (also if the context is not hosted here), 3 (a database
    or the metrics are away).

    Example: hedgerow extract plan billing --database
    """
    import json
    import time

    from hedgerow_host.catalog import compose
    from hedgerow_host.exits import ExitCode, left_out, load_settings
    from hedgerow_host.extraction.plan.crossings import FILE
    from hedgerow_host.extraction.plan.measured import measure
    from hedgerow_host.extraction.plan.planning import plan_for
    from hedgerow_host.extraction.plan.shown import as_data, as_text

    settings = load_settings()
    target = _target(to)
    assembly, routes = compose(settings)
    context = next((each for each in assembly.contexts if each.name == name), None)
    if context is None:
        raise left_out(name, assembly.quarantine)
    made = plan_for(
        context,
        assembly,
        routes,
        settings,
        database=_of_database(settings, context.loaded, target, wanted=database),
        measured=measure(metrics or [], name, now=time.time()),
        crossings=settings.data_dir / FILE,
    )
    typer.echo(json.dumps(as_data(made), indent=2, ensure_ascii=False) if as_json else as_text(made))
    if made.blockers:
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _target(url: str | None) -> DatabaseAddress | None:
    from hedgerow_core.persistence import DatabaseAddress

    try:
        return DatabaseAddress.parse(url) if url else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from error


def _of_database(
    settings: HostSettings, context: LoadedContext, target: DatabaseAddress | None, *, wanted: bool | None
) -> InDatabase:
    import asyncio

    from hedgerow_host.database import existing_database, told_if_away
    from hedgerow_host.extraction.plan.database import InDatabase, look_at_database

    if wanted is False or (wanted is None and settings.database_url is None):
        why = "HEDGEROW_DATABASE_URL is not set; --database looks anyway" if wanted is None else "--no-database"
        return InDatabase(looked_at={"database": f"not looked at: {why}"})
    with existing_database(settings) as address, told_if_away(target or address):
        return asyncio.run(look_at_database(address, context, target))
