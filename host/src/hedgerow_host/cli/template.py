"""`hedgerow template …`: what was made from templates follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow_host.scaffold.updating import Updated

app = typer.Typer(help="Bring what was made from templates up to date.", no_args_is_help=True)


@app.callback()
def template() -> None:
    """Bring what was made from templates up to date."""


@app.command("update")
def update(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Merge what is new in the templates of the installed host into the app around the working folder and the
    contexts in it that were made.

    What you have changed stays; where template and owner have changed the same lines, the owner's stand, and the
    file is named. Use cases that were added are yours, and not updated. Everything must be committed.

    JSON: `what` (folder), `before` and `after` (release of its template), `changed`, `kept` (files with
    contested lines).

    Exit codes: 0, 1 (git or Copier refuses), 2 (nothing was made here, no git repository, or changes that are
    not committed), 4 (some lines were contested, and yours stand).

    Example: hedgerow template update
    """
    from pathlib import Path

    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import ExitCode
    from hedgerow_host.scaffold.places import workspace_around
    from hedgerow_host.scaffold.updating import update as merge

    root = workspace_around(Path.cwd()).root
    updated = merge(workspace_around(Path.cwd()))
    print_rows([_row(one, root) for one in updated], as_json=as_json)
    kept = [file for one in updated for file in one.kept]
    for file in kept:
        typer.echo(
            f"{file.relative_to(root)}: you and the template have changed the same lines, and yours stand; "
            "compare it with a context that is made now",
            err=True,
        )
    if kept:
        raise typer.Exit(ExitCode.PARTLY_FAILED)
    if any(one.changed for one in updated):
        typer.echo("next: git diff, run the tests, commit", err=True)


def _row(one: Updated, root: Path) -> dict[str, object]:
    def names(files: list[Path]) -> list[str]:
        return [str(file.relative_to(root)) for file in files]

    return {
        "what": str(one.folder.relative_to(root)),
        "before": one.before,
        "after": one.after,
        "changed": names(one.changed),
        "kept": names(one.kept),
    }
