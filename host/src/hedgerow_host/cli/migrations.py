"""`hedgerow migrations …`: how far each history is, and writing the next revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_host.cli.choosing import Context, Json

if TYPE_CHECKING:
    from hedgerow_core.persistence import HistoryState

app = typer.Typer(help="Look at migration histories, and write revisions.", no_args_is_help=True)


@app.command("status")
def status(context: Context = None, as_json: Json = False) -> None:
    """List every history with the revision that its schema is at and the newest one.

    `state` is `up to date`, `pending`, or `ahead`: a newer release has migrated this database.

    JSON: `context`, `history`, `at`, `newest`, `pending`, `state`.

    Exit codes: 0, 2, 3.

    Example: hedgerow migrations status --context billing
    """
    import asyncio

    from hedgerow_core.observability import configure_logging
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.database import existing_database, told_if_away
    from hedgerow_host.exits import load_settings
    from hedgerow_host.migrate import chosen_contexts, runner_for

    settings = load_settings()
    configure_logging(settings.log_format, level="WARNING")
    with existing_database(settings) as address, told_if_away(address):
        states = asyncio.run(runner_for(address, chosen_contexts(settings, context)).states())
    print_rows([_row(state) for state in states], as_json=as_json, empty="No context is hosted.")


@app.command("new")
def new(
    context: Annotated[str, typer.Argument(help="The context whose schema changes.")],
    message: Annotated[str, typer.Argument(help="What changes, in one line.")],
) -> None:
    """Write the next revision of a context beside its others, and print its path.

    Needs the context's sources and no database.

    Exit codes: 0, 2 (also if the context is installed and not here as sources, or its history has branched).

    Example: hedgerow migrations new billing "invoices have a note"
    """
    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.migrate import chosen_contexts
    from hedgerow_host.new_revision import write_revision

    (chosen,) = chosen_contexts(load_settings(), context)
    history = chosen.call("migrations")
    if history is None:
        raise HostError(
            f"{context} has no history of its own",
            fix=f"return MigrationHistory(package) from the hook `migrations` in {chosen.installed.module}",
            code=ExitCode.MISCONFIGURED,
        )
    typer.echo(write_revision(context, history, message))


def _row(state: HistoryState) -> dict[str, object]:
    told = "ahead" if state.is_ahead else "pending" if state.pending else "up to date"
    return {
        "context": state.context,
        "history": state.history.name,
        "at": ", ".join(state.current) or None,
        "newest": ", ".join(state.history.heads) or None,
        "pending": len(state.pending),
        "state": told,
    }
