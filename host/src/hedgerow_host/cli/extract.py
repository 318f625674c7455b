"""`hedgerow extract …`: give a context a host and a database of its own."""

from __future__ import annotations

import typer

app = typer.Typer(help="Give a context a host of its own.", no_args_is_help=True)
