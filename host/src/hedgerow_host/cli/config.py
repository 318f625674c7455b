"""`hedgerow config …`: which settings are in force, and where each came from."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Look at the settings."""


@app.command("show")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every setting of the host and of the hosted contexts. Passwords in URLs are hidden.

    JSON: `setting`, `value`, `source` (`environment`, `.env` or `default`), `meaning`.

    Exit codes: 0, 2.

    Example: hedgerow config show
    """
    from hedgerow_host.catalog import compose, setting_rows
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings

    settings = load_settings()
    assembly, _routes = compose(settings)
    print_rows(setting_rows(settings, assembly), as_json=as_json)
