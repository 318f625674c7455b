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
    """List every installed context, hosted or not, and those that live on other hosts: version, state (enabled,
    disabled, quarantined, remote), number of routes, events, what it answers and asks, tasks, notes.

    JSON: `name`, `version`, `state`, `distribution`, `module`, `routes`, `publishes`, `subscribes`, `answers`,
    `asks`, `tasks`, `notes`.

    Exit codes: 0, 2.

    Example: hedgerow contexts list --json
    """
    from hedgerow_host.catalog import compose, context_rows
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings

    columns = ("name", "version", "state", "routes", "publishes", "subscribes", "answers", "asks", "tasks", "notes")
    print_rows(
        context_rows(*compose(load_settings())), as_json=as_json, columns=columns, empty="No context is installed."
    )


@app.command("inspect")
def inspect(name: Name, as_json: Json = False) -> None:
    """Show all that a context brings.

    Of one that is disabled, quarantined or broken no more than its metadata is known.

    JSON: `name`, `version`, `state`, `distribution`, `module`, and of a sound one `core_api`, `requires`,
    `optional`, `hooks`, `routes`, `publishes`, `subscribes`, `answers`, `asks`, `tasks`, `schedules`,
    `permissions`, `settings`, `migrations` (the newest revision).

    Exit codes: 0, 2.

    Example: hedgerow contexts inspect billing
    """
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
    """Say of every installed context whether it can be hosted: `enabled`, `disabled`, `quarantined` (broken and
    optional) or `broken` (and required); and of what is broken each problem, with its source and its fix.

    Where a start ends at the first, it goes on. An import that ends the process is named, too: a child tries
    each. Needs no database, so a lifespan or migration that fails is not seen.

    JSON: `name`, `version`, `state`, `required`, `distribution`, `module`, `problems` (`subject`, `what`,
    `sources`, `fix`).

    Exit codes: 0, 1 (something required is broken), 2.

    Example: hedgerow contexts diagnose
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
