"""`hedgerow migrate`: bring the database to what the contexts expect, or say what that would take."""

from __future__ import annotations

from typing import Annotated

import typer


def migrate(
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and change nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 if anything would run; change nothing.")] = False,
    context: Annotated[str | None, typer.Option(help="This context alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Apply every context's migrations, each in its own schema, one host at a time."""
    import asyncio

    from hedgerow_core.domain import UnavailableError
    from hedgerow_core.observability import configure_logging
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.database import database_away, existing_database
    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.migrate import chosen_contexts, runner_for

    settings = load_settings()
    configure_logging(settings.log_format, level="WARNING")
    with existing_database(settings) as address:
        runner = runner_for(address, chosen_contexts(settings, context))
        try:
            steps = asyncio.run(runner.pending() if plan or check else runner.apply())
        except UnavailableError as error:
            raise (error if error.code == "migration_locked" else database_away(address, error)) from error
    rows = [{"context": step.context, "revision": step.revision, "summary": step.summary} for step in steps]
    print_rows(rows, as_json=as_json, empty="Nothing to migrate.")
    if check and steps:
        raise HostError(
            f"{len(steps)} migrations are pending", fix="run `hedgerow migrate`", code=ExitCode.CHECK_FAILED
        )
