"""How results look: tables for people, JSON for programs. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer


def print_rows(
    rows: Sequence[Mapping[str, Any]], *, as_json: bool, columns: Sequence[str] | None = None, empty: str = "None."
) -> None:
    """Print rows; a table shows `columns` (default: all), JSON always holds everything."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2, ensure_ascii=False))
        return
    if not rows:
        typer.echo(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown = list(columns or rows[0])
    for column in shown:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in shown))
    console = Console(markup=False, emoji=False)  # what is in a row is shown as it is
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)
