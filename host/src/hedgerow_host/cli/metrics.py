"""`hedgerow metrics …`: what a host tells Prometheus, and the dashboards and alerts that are made out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List what is measured, and make dashboards and alerts of it.", no_args_is_help=True)

FOLDER = Path("ops")


@app.callback()
def metrics() -> None:
    """List what is measured, and make dashboards and alerts of it."""


@app.command("list")
def list_them(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every metric with its labels. Needs no running host."""
    from dataclasses import asdict

    from hedgerow_core.observability import catalogue
    from hedgerow_host.cli.output import print_rows

    rows = [asdict(metric) for metric in catalogue.metrics().values()]
    print_rows(rows, as_json=as_json, columns=("name", "kind", "labels", "meaning"))


@app.command("write")
def write(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = FOLDER,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 and say which files differ.")
    ] = False,
) -> None:
    """Write dashboards for Grafana and alerts for Prometheus. Needs no running host."""
    from hedgerow_host.cli.keeping import differences, differs, keep
    from hedgerow_host.dashboards.files import files

    wanted = {folder / name: text for name, text in files().items()}
    if not check:
        for path, text in wanted.items():
            keep(path, text)
        return
    wrong = {path: changes for path, text in wanted.items() if (changes := differences(path, text))}
    for path, changes in wrong.items():
        typer.echo("\n".join([f"{path}:", *changes]))
    if wrong:
        raise differs(next(iter(wrong)), fix=f"hedgerow metrics write {folder}", wanted="the metrics make of it")
    typer.echo(f"{folder} is as it should be", err=True)
