"""`hedgerow shell`: Python beside the contexts."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow_host.cli.consent import AlsoInProd, demand_consent


def shell(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Roll back every change of the database at the end.")
    ] = False,
    yes: AlsoInProd = False,
) -> None:
    """Open a Python prompt with all contexts, on the configured database; without a terminal, run stdin."""
    from hedgerow_host.exits import load_settings
    from hedgerow_host.shell import run_shell

    settings = load_settings()
    demand_consent(settings, "a prompt can change all of it, past every rule", yes=yes)
    run_shell(settings, sandbox=sandbox)
