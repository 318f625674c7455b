"""What a verb makes of the code can be kept in a file, and the file be held against the code later on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.exits import HostError

Output = Annotated[Path | None, typer.Option(help="Write it into this file.")]
Check = Annotated[
    Path | None,
    typer.Option(help="Write nothing; if this file says something else, print what differs and exit with 1."),
]

SHOWN = 40
"""Lines of a difference; whoever wants more has git."""


def hand_over(
    text: str,
    *,
    output: Path | None,
    check: Path | None,
    again: str,
    facts_in: Callable[[str], list[str]] | None = None,
) -> None:
    """Print the text, write it, or hold a file against it. `again` is the verb that writes the file.

    `facts_in` says in words what such a text says; then these are compared, and lines only if they are the same.
    """
    if output is not None and check is not None:
        raise typer.BadParameter("either write a file or check it", param_hint="--check")
    if check is not None:
        if changes := differences(check, text, facts_in):
            for line in changes:
                typer.echo(line)
            raise differs(check, fix=f"{again} --output {check}")
        typer.echo(f"{check} is as it should be", err=True)
    elif output is not None:
        keep(output, text)
    else:
        typer.echo(text, nl=False)


def keep(path: Path, text: str) -> None:
    """Write a file, unless it says this already."""
    fresh = path.is_file() and path.read_text(encoding="utf-8") == text
    if not fresh:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    typer.echo(f"{path} {'is as it should be' if fresh else 'written'}", err=True)


def differences(path: Path, text: str, facts_in: Callable[[str], list[str]] | None = None) -> list[str]:
    """The lines that the file lacks (+) and those that it should not have (-); none if it is as it should be."""
    from difflib import unified_diff

    kept = path.read_text(encoding="utf-8") if path.is_file() else ""
    if facts_in is not None:
        was, now = facts_in(kept), facts_in(text)
        told = [f"- {fact}" for fact in was if fact not in now] + [f"+ {fact}" for fact in now if fact not in was]
        if told:
            return told
    changes = list(unified_diff(kept.splitlines(), text.splitlines(), n=0, lineterm=""))[2:]
    lines = [line for line in changes if not line.startswith("@@")]
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], f"… and {rest} lines more"] if rest > 0 else lines


def differs(path: Path, *, fix: str) -> HostError:
    """Ends the command: a file, or a folder, is not what the code makes of it."""
    from hedgerow_host.exits import ExitCode, HostError

    what = "is not what the hosted contexts declare" if path.exists() else "is not there"
    return HostError(f"{path} {what}", fix=fix, code=ExitCode.CHECK_FAILED)
