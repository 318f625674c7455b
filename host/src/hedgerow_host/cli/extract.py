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
    name: Annotated[str, typer.Argument(metavar="CONTEXT", help="The context.")],
    database: Annotated[
        bool | None,
        typer.Option(
            "--database/--no-database", help="Whether to look at the database. Unless told: if its URL is set."
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="postgresql://… of the database that it is to go to.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(help="URL or file with metrics of a running host; may be said more than once."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what stands in the way of moving a context, what moves, and what to set. Changes nothing."""
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
