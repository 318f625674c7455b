"""`hedgerow contexts …`: what is installed, and what each context brings."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Look at installed contexts.", no_args_is_help=True)


@app.callback()
def contexts() -> None:
    """Look at installed contexts."""


@app.command("list")
def list_contexts(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every installed context: version, state, and what it brings."""
    from hedgerow_host.catalog import compose, context_rows
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings

    columns = ("name", "version", "state", "routes", "publishes", "subscribes", "answers", "asks", "tasks", "notes")
    print_rows(
        context_rows(*compose(load_settings())), as_json=as_json, columns=columns, empty="No context is installed."
    )
