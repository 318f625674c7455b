"""`hedgerow config …`: which settings are in force and where each came from, and which there are."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow_host.cli.keeping import Check, Output

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


@app.command("example")
def example(output: Output = None, check: Check = None) -> None:
    """Print a .env file of every setting of the host and of the hosted contexts.

    Each stands there with what it means and, behind a #, with its default, so that the file sets nothing. Secrets
    are empty. Needs no database.

    Exit codes: 0, 1 (--check: the file differs), 2.

    Example: hedgerow config example --output .env.example
    """
    from hedgerow_host.cli.keeping import hand_over
    from hedgerow_host.discovery import hosted_contexts
    from hedgerow_host.env_example import env_example
    from hedgerow_host.exits import load_settings
    from hedgerow_host.settings import HostSettings

    contexts, _quarantine = hosted_contexts(load_settings())
    of_contexts = [context.manifest.settings for context in contexts if context.manifest.settings is not None]
    listed = env_example([HostSettings, *of_contexts])
    hand_over(listed, output=output, check=check, again="hedgerow config example")
