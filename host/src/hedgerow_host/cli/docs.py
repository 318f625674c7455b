"""`hedgerow docs …`: pages about the hosted contexts, made from what they declare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

app = typer.Typer(help="Write pages about the hosted contexts.", no_args_is_help=True)

FOLDER = Path("docs/contexts")


@app.callback()
def docs() -> None:
    """Write pages about the hosted contexts."""


@app.command("build")
def build(
    folder: Annotated[Path, typer.Argument(help="Where the pages go.")] = FOLDER,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; name the pages that differ, with their lines, and exit with 1."
        ),
    ] = False,
) -> None:
    """Write a page per hosted context: what it is for, its routes, events, queries, what it listens to and asks,
    its tables, tasks, schedules, permissions and settings; and an index with the map.

    What each says comes from docstrings and declarations, so it is mended there. Pages of contexts that are gone
    are removed; a file that somebody else wrote is not touched.

    Exit codes: 0, 1 (`--check` only), 2 (also if a page would overwrite what somebody else wrote).

    Example: hedgerow docs build docs/contexts --check
    """
    from hedgerow_host.catalog import compose
    from hedgerow_host.context_map.pages import pages
    from hedgerow_host.exits import load_settings

    wanted = pages(*compose(load_settings()))
    outdated = _outdated(folder, wanted)
    if check:
        _check(folder, wanted, outdated)
        return
    from hedgerow_host.cli.keeping import keep

    _demand_ours(folder / name for name in wanted)
    for name, text in wanted.items():
        keep(folder / name, text)
    for path in outdated:
        path.unlink()
        typer.echo(f"{path} removed: its context is gone", err=True)


def _check(folder: Path, wanted: Mapping[str, str], outdated: list[Path]) -> None:
    from hedgerow_host.cli.keeping import differences, differs

    wrong = False
    for name, text in wanted.items():
        if changes := differences(folder / name, text):
            wrong = True
            typer.echo("\n".join([f"{folder / name}:", *changes]))
    for path in outdated:
        typer.echo(f"{path}: its context is gone")
    if wrong or outdated:
        raise differs(folder, fix=f"hedgerow docs build {folder}")
    typer.echo(f"{folder} is as it should be", err=True)


def _demand_ours(paths: Iterable[Path]) -> None:
    """Nobody's own page is overwritten."""
    from hedgerow_host.context_map.pages import MARK
    from hedgerow_host.exits import ExitCode, HostError

    for path in paths:
        if path.is_file() and not path.read_text(encoding="utf-8").startswith(MARK):
            raise HostError(
                f"{path} was written by somebody, and would be overwritten",
                fix="choose another folder, or move it away",
                code=ExitCode.MISCONFIGURED,
            )


def _outdated(folder: Path, wanted: Mapping[str, str]) -> list[Path]:
    """Pages that we have written for contexts that are not hosted any more. What others wrote is left alone."""
    from hedgerow_host.context_map.pages import MARK

    found = sorted(folder.glob("*.md")) if folder.is_dir() else []
    return [path for path in found if path.name not in wanted and path.read_text(encoding="utf-8").startswith(MARK)]
