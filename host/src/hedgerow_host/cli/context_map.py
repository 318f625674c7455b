"""`hedgerow map`: what the hosted contexts tell, ask and store, drawn."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_host.cli.keeping import Check, Output

if TYPE_CHECKING:
    from hedgerow_host.context_map.context_map import ContextMap


class Form(StrEnum):
    """How the map is drawn."""

    TREE = "tree"
    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


FORMS = {".mmd": Form.MERMAID, ".svg": Form.SVG, ".json": Form.JSON}
"""The form that a file wants by its name; any other, a tree."""


def show_map(
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="`tree`, `mermaid`, `svg` or `json`. Unless told, what the file's name ends with, else `tree`.",
        ),
    ] = None,
    output: Output = None,
    check: Check = None,
) -> None:
    """Draw the context map: which contexts there are, what they publish, hear, answer, ask and store.

    Made from what the contexts declare, without a database. Tables are those that a context's migrations make,
    without the ledger's; what a revision makes that asks the database something is not seen. What is published
    and heard by nobody is counted in pictures and named everywhere else. This repository keeps its own, and a
    test holds it against the code: what changes between contexts is seen in review.

    Of a Mermaid file, `--check` tells in words what has come (`+`) and gone (`-`): `+ billing hears
    users.user_registered v1`; of others, and where only the drawing differs, its lines.

    Exit codes: 0, 1 (`--check` only), 2.

    Example: hedgerow map --output docs/map.mmd
    """
    import sys

    from hedgerow_host.catalog import compose
    from hedgerow_host.cli.keeping import hand_over
    from hedgerow_host.context_map.context_map import context_map
    from hedgerow_host.context_map.mermaid import facts_in
    from hedgerow_host.exits import load_settings

    assembly, _routes = compose(load_settings())
    file = output or check
    form = form or FORMS.get(file.suffix if file else "", Form.TREE)
    text = _drawn(context_map(assembly), form, colored=file is None and sys.stdout.isatty())
    told = "" if FORMS.get(file.suffix if file else "", Form.TREE) is form else f" --format {form}"
    facts = facts_in if form is Form.MERMAID else None
    hand_over(text, output=output, check=check, again=f"hedgerow map{told}", facts_in=facts)


def _drawn(shown: ContextMap, form: Form, *, colored: bool) -> str:
    match form:
        case Form.TREE:
            from hedgerow_host.context_map.tree import tree

            return tree(shown, colored=colored)
        case Form.MERMAID:
            from hedgerow_host.context_map.mermaid import mermaid

            return mermaid(shown)
        case Form.SVG:
            from hedgerow_host.context_map.svg import svg

            return svg(shown)
        case Form.JSON:
            import json
            from dataclasses import asdict

            return json.dumps(asdict(shown), indent=2, ensure_ascii=False) + "\n"
