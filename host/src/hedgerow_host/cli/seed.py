"""`hedgerow seed --demo`: something to look at, made by every context that has a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.seeding import Sown


def seed(
    demo: Annotated[bool, typer.Option("--demo", help="Make demo data. Must be said.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Also where the environment is not dev.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the demo data of all hosted contexts, in their order, through their own commands.

    Nothing that is there is changed, so it may be run again. It works as a worker until everything has been
    delivered. The database must be migrated; in `dev`, without a database URL, it is the embedded one.

    JSON: `context`, `what`, `made`, `kept` (was there already), `note`.

    Exit codes: 0, 1 (a seed failed, or migrations are pending), 2 (also without `--demo`, and outside of `dev`
    without `--yes`), 3, 4 (events or tasks were still being worked off after 60 s).

    Example: hedgerow seed --demo
    """
    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.seeding import demand_dev, run_seeds

    if not demo:
        raise HostError(
            "`hedgerow seed` makes people and things that don't exist, and only if it is told to",
            fix="hedgerow seed --demo",
            code=ExitCode.MISCONFIGURED,
        )
    settings = load_settings()
    demand_dev(settings, yes=yes)
    _print(run_seeds(settings, lambda context: typer.echo(f"seeding {context} …", err=True)), as_json=as_json)


def _print(sown: Sown, *, as_json: bool) -> None:
    from hedgerow_host.cli.output import print_rows

    rows = [
        {"context": name, "what": one.what, "made": one.made, "kept": one.kept, "note": one.note}
        for name, one in sown
    ]
    print_rows(rows, as_json=as_json, empty="No context here has a seed.")
    if sown and not any(one.made for _name, one in sown):
        typer.echo("Nothing was made: all of it was there already.", err=True)
