"""`hedgerow shell`: Python beside the contexts."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow_host.cli.consent import AlsoInProd, demand_consent


def shell(
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help=(
                "Roll back every change of the database at the end. Until then changes can be read in the same "
                "shell alone, and the rows are locked for others; after 10 minutes of silence PostgreSQL ends it."
                " Sequences go on counting, and what is not in the database is not covered."
            ),
        ),
    ] = False,
    yes: AlsoInProd = False,
) -> None:
    """Open a Python prompt beside the composed contexts, on the configured database; in `dev`, without a
    database URL, on the embedded one.

    `await` works at the prompt. Known are every context by its name (with `bus`, `container`, `database`), every
    command and query by its name, `run`, which has a command or query handled, and `assembly`. Without a
    terminal, stdin is run as a script. No lifespan is entered, and no worker runs.

    Exit codes: 0, 1 (what a script raised, or migrations are pending), 2, 3.

    Example: hedgerow shell --sandbox
    """
    from hedgerow_host.exits import load_settings
    from hedgerow_host.shell import run_shell

    settings = load_settings()
    demand_consent(settings, "a prompt can change all of it, past every rule", yes=yes)
    run_shell(settings, sandbox=sandbox)
