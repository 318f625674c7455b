"""How results of our verbs look: lines for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(found: object) -> None:
    """Print what was found for programs, all on lines of its own."""
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def print_row(row: Mapping[str, object], line: str, *, as_json: bool) -> None:
    """Print one thing."""
    if as_json:
        print_json(row)
    else:
        typer.echo(line)


def print_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool, empty: str) -> None:
    """Print a list; a line shows all that is known of a row."""
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo("  ".join(str(value) for value in row.values() if value))
    if not rows:
        typer.echo(empty)
