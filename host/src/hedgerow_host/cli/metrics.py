"""`hedgerow metrics …`: what a host tells Prometheus, and the dashboards and alerts that are made out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hedgerow_host.cli.choosing import Json

app = typer.Typer(help="List what is measured, and make dashboards and alerts of it.", no_args_is_help=True)

FOLDER = Path("ops")


@app.callback()
def metrics() -> None:
    """List what is measured, and make dashboards and alerts of it."""


@app.command("list")
def list_metrics(as_json: Json = False) -> None:
    """List every metric with its labels and what it means. Needs no running host.

    JSON: `name`, `kind`, `meaning`, `labels`, `unit`.

    Exit codes: 0, 2.

    Example: hedgerow metrics list
    """
    from dataclasses import asdict

    from hedgerow_core.observability import catalogue
    from hedgerow_host.cli.output import print_rows

    rows = [asdict(metric) for metric in catalogue.metrics().values()]
    print_rows(rows, as_json=as_json, columns=("name", "kind", "labels", "meaning"))


@app.command("write")
def write(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")] = FOLDER,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; name the files that differ, with their lines, and exit with 1."
        ),
    ] = False,
) -> None:
    """Make dashboards for Grafana and alerts for Prometheus out of the metrics. Needs no running host.

    `grafana/dashboards/*.json` and `prometheus/alerts.yaml` cannot ask for a metric or a label that is not there.
    What each alert means: docs/how-to/watch-a-host.md.

    Exit codes: 0, 1 (`--check` only), 2.

    Example: hedgerow metrics write ops --check
    """
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
