"""`hedgerow routes`: every route and who may call it."""

from __future__ import annotations

from typing import Annotated

import typer


def routes(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every route of the hosted contexts with its access decision.

    JSON: `method`, `path`, `access`, `operation`, `context`, `endpoint`.

    Exit codes: 0, 2.

    Example: hedgerow routes
    """
    from hedgerow_host.catalog import compose, route_rows
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings

    _assembly, found = compose(load_settings())
    print_rows(route_rows(found), as_json=as_json, columns=("method", "path", "access", "operation"))
