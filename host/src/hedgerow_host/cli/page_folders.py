"""Folders of pages that a verb has made: written, held against the code, and cleared of what is no longer made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import typer


def keep_pages(folder: Path, wanted: Mapping[str, str], *, mark: str, gone: str) -> None:
    """Write the pages, and remove those of before that are not wanted any more: they are `gone`.

    Raises:
        HostError: somebody's own page would be overwritten; `mark` is the beginning of every one of ours.
    """
    from hedgerow_host.cli.keeping import keep

    _demand_ours((folder / name for name in wanted), mark)
    for name, text in wanted.items():
        keep(folder / name, text)
    for path in _outdated(folder, wanted, mark):
        path.unlink()
        typer.echo(f"{path} removed: {gone}", err=True)


def check_pages(folder: Path, wanted: Mapping[str, str], *, mark: str, gone: str, again: str) -> None:
    """Hold the folder against the pages. `again` is the verb that writes them.

    Raises:
        HostError: something differs; stdout has told what.
    """
    from hedgerow_host.cli.keeping import differences, differs

    wrong = False
    for name, text in wanted.items():
        if changes := differences(folder / name, text):
            wrong = True
            typer.echo("\n".join([f"{folder / name}:", *changes]))
    outdated = _outdated(folder, wanted, mark)
    for path in outdated:
        typer.echo(f"{path}: {gone}")
    if wrong or outdated:
        raise differs(folder, fix=again)
    typer.echo(f"{folder} is as it should be", err=True)


def _demand_ours(paths: Iterable[Path], mark: str) -> None:
    """Nobody's own page is overwritten."""
    from hedgerow_host.exits import ExitCode, HostError

    for path in paths:
        if path.is_file() and not path.read_text(encoding="utf-8").startswith(mark):
            raise HostError(
                f"{path} was written by somebody, and would be overwritten",
                fix="choose another folder, or move it away",
                code=ExitCode.MISCONFIGURED,
            )


def _outdated(folder: Path, wanted: Mapping[str, str], mark: str) -> list[Path]:
    """Pages that we have written and that are not wanted any more. What others wrote is left alone."""
    found = sorted(folder.glob("*.md")) if folder.is_dir() else []
    return [path for path in found if path.name not in wanted and path.read_text(encoding="utf-8").startswith(mark)]
