"""`hedgerow contexts …`: what is installed, what each context brings, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedgerow_host.cli.choosing import Json

if TYPE_CHECKING:
    from hedgerow_host.loading import InstalledContext

app = typer.Typer(help="Look at installed contexts.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of an installed context.")]


@app.callback()
def contexts() -> None:
    """Look at installed contexts."""


@app.command("list")
def list_contexts(as_json: Json = False) -> None:
    """List every installed context: version, state, and what it brings."""
    from hedgerow_host.catalog import compose, context_rows
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings

    columns = ("name", "version", "state", "routes", "publishes", "subscribes", "answers", "asks", "tasks", "notes")
    print_rows(
        context_rows(*compose(load_settings())), as_json=as_json, columns=columns, empty="No context is installed."
    )


@app.command("inspect")
def inspect(name: Name, as_json: Json = False) -> None:
    """Show all that a context brings: hooks, routes, events, queries, tasks, permissions, settings, migrations."""
    from hedgerow_host.diagnosis import inspected
    from hedgerow_host.exits import load_settings

    row = inspected(load_settings(), _installed(name))
    if as_json:
        typer.echo(json.dumps(row, indent=2, ensure_ascii=False))
        return
    for part, value in row.items():
        lines = list(map(str, value)) if isinstance(value, list) else [str(value or "")]
        typer.echo(f"{part:<13}{(chr(10) + ' ' * 13).join(lines) or '-'}".rstrip())


@app.command("diagnose")
def diagnose(
    name: Annotated[str | None, typer.Argument(help="This context alone.")] = None, as_json: Json = False
) -> None:
    """Say of every context whether it can be hosted, and of what is broken: why, where, and how to mend it.

    Needs no database, so what only shows there is not seen: migrations that fail, lifespans.
    """
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.diagnosis import BROKEN, diagnosed
    from hedgerow_host.exits import ExitCode, load_settings

    if name is not None:
        _installed(name)
    rows = diagnosed(load_settings(), name)
    if as_json:
        print_rows(rows, as_json=True)
    else:
        _tell(rows)
    if any(row["state"] == BROKEN for row in rows):
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _tell(rows: Sequence[Mapping[str, Any]]) -> None:
    means = {
        "broken": "broken, and required: no host starts with it",
        "quarantined": "quarantined: hosts start without it",
        "remote": "remote: lives on another host, so nothing of it was looked at",
        "disabled": "disabled: not listed in HEDGEROW_CONTEXTS, so nothing of it was looked at",
    }
    for row in rows:
        typer.echo(f"{row['name']} {row['version']}  {means.get(row['state'], row['state'])}")
        for problem in row["problems"]:
            subject = "" if problem["subject"] == row["name"] else f"{problem['subject']} "
            typer.echo(f"  {subject}{problem['what']}")
            for source in problem["sources"]:
                typer.echo(f"    at:  {source}")
            typer.echo(f"    fix: {problem['fix']}")
    if not rows:
        typer.echo("No context is installed.")


def _installed(name: str) -> InstalledContext:
    """The context of this name.

    Raises:
        HostError: none is installed.
    """
    from hedgerow_host.discovery import installed_contexts
    from hedgerow_host.exits import ExitCode, HostError

    installed = {context.name: context for context in installed_contexts()}
    if name not in installed:
        raise HostError(
            f"no context of the name {name} is installed",
            fix=f"choose one of {', '.join(installed) or 'none'}",
            code=ExitCode.MISCONFIGURED,
        )
    return installed[name]
