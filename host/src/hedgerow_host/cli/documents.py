"""`hedgerow openapi`, `hedgerow asyncapi`: what the hosted contexts serve and publish, for programs to read."""

from __future__ import annotations

from typing import Any

from hedgerow_host.cli.keeping import Check, Output


def openapi(output: Output = None, check: Check = None) -> None:
    """Print the OpenAPI document of all routes, as `/openapi.json` serves it. Needs no database.

    Exit codes: 0, 1 (`--check` only), 2.

    Example: hedgerow openapi --output openapi.json
    """
    from hedgerow_host.api import create_app
    from hedgerow_host.catalog import compose
    from hedgerow_host.cli.keeping import hand_over
    from hedgerow_host.exits import load_settings
    from hedgerow_host.readiness import Readiness
    from hedgerow_host.watch import Watch

    assembly, routes = compose(load_settings())
    app = create_app(assembly, routes, Readiness(assembly, Watch(assembly)))
    hand_over(_written(app.openapi()), output=output, check=check, again="hedgerow openapi")


def asyncapi(output: Output = None, check: Check = None) -> None:
    """Print the events of the hosted contexts as an AsyncAPI 3.0 document: a channel per type, its payload in
    each version, who sends it and who receives it.

    Needs no database.

    Exit codes: 0, 1 (`--check` only), 2.

    Example: hedgerow asyncapi --output asyncapi.json
    """
    from hedgerow_host.asyncapi import asyncapi as document_of
    from hedgerow_host.catalog import compose
    from hedgerow_host.cli.keeping import hand_over
    from hedgerow_host.exits import load_settings

    settings = load_settings()
    assembly, _routes = compose(settings)
    hand_over(
        _written(document_of(assembly, settings.stream_url)), output=output, check=check, again="hedgerow asyncapi"
    )


def _written(document: dict[str, Any]) -> str:
    import json

    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
