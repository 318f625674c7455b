"""`hedgerow contracts …`: write down what contexts publish and read, and compare two builds by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.contract_diff import Difference
    from hedgerow_host.hosted_context import HostedContext

app = typer.Typer(help="Write event contracts, and compare those of two builds.", no_args_is_help=True)


@app.callback()
def contracts() -> None:
    """Write event contracts, and compare those of two builds."""


@app.command("write")
def write(
    context: Annotated[str | None, typer.Option(help="This context alone.")] = None,
) -> None:
    """Write what each hosted context publishes, reads, answers and asks into the `contract.json` of its package,
    beside `plugin.py`.

    Contexts that are installed and not here as sources are skipped.

    Exit codes: 0, 2.

    Example: hedgerow contracts write --context billing
    """
    from hedgerow_host.catalog import compose
    from hedgerow_host.exits import ExitCode, HostError, load_settings

    assembly, _routes = compose(load_settings())
    chosen = [hosted for hosted in assembly.contexts if context in (None, hosted.name)]
    if not chosen:
        hosted_here = ", ".join(assembly.names) or "none"
        raise HostError(
            f"{context} is not hosted here", fix=f"hosted are: {hosted_here}", code=ExitCode.MISCONFIGURED
        )
    for hosted in chosen:
        path = _place_of(hosted)
        if path is None and context is not None:
            raise HostError(
                f"{context} is installed, not here as sources: its contract.json belongs to whoever builds it",
                fix="run this where its sources are, and install it from there",
                code=ExitCode.MISCONFIGURED,
            )
        _write(hosted, path)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="A contract.json, or a folder with some in or below it.")],
    new: Annotated[Path, typer.Argument(help="The same of the build that comes after it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two builds by their `contract.json` files; no context is imported or needs to be installed.

    The publishers of the new build are held against the subscribers and askers of both, since builds roll. Every
    subscription or question that would break is named with field and fix; what changes harmlessly is noted.

    JSON: `breaks` (`consumer`, `subscription`, `builds`, `event`, `version`, `field`, `what`, `fix`) and `notes`
    (`subject`, `what`).

    Exit codes: 0, 1 (something would break), 2 (no contract there, an unreadable one, or two different ones of
    one context).

    Example: hedgerow contracts diff old/contract.json new/contract.json
    """
    from hedgerow_host.contract_diff import compare, read_build
    from hedgerow_host.exits import ExitCode

    difference = compare(read_build(old), read_build(new))
    _print(difference, as_json=as_json)
    if difference.breaks:
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _place_of(hosted: HostedContext) -> Path | None:
    """Where to write; None if the context is not here as sources."""
    from hedgerow_host.contracts import contract_file

    file = contract_file(hosted.loaded.module)
    if not isinstance(file, Path) or {"site-packages", "dist-packages"} & set(file.parts):
        return None
    return file


def _write(hosted: HostedContext, path: Path | None) -> None:
    from hedgerow_host.checks.contract_files import contract_text

    if path is None:
        typer.echo(f"{hosted.name}: skipped, it is installed and not here as sources", err=True)
        return
    text = contract_text(hosted)
    fresh = path.is_file() and path.read_text(encoding="utf-8") == text
    if not fresh:
        path.write_text(text, encoding="utf-8")
    typer.echo(f"{hosted.name}: {path} {'is as it should be' if fresh else 'written'}")


def _print(difference: Difference, *, as_json: bool) -> None:
    if as_json:
        import json

        breaks = [
            {
                "consumer": broken.consumer,
                "subscription": broken.subject,
                "builds": builds,
                "event": broken.event,
                "version": broken.version,
                "field": broken.field,
                "what": broken.what,
                "fix": broken.fix,
            }
            for broken, builds in difference.breaks.items()
        ]
        notes = [{"subject": note.subject, "what": note.what} for note in difference.notes]
        typer.echo(json.dumps({"breaks": breaks, "notes": notes}, indent=2, ensure_ascii=False))
        return
    for broken, builds in difference.breaks.items():
        where = " and ".join(builds)
        typer.echo(f"break: {broken.subject} of the {where} {broken.consumer} {broken.what}\n  fix: {broken.fix}")
    for note in difference.notes:
        typer.echo(f"note: {note.subject} {note.what}")
    if not difference.breaks and not difference.notes:
        typer.echo("Nothing differs.")
