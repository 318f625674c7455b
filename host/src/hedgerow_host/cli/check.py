"""`hedgerow check`: what is wrong with the composition, or will be, before anything runs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.assembly import Assembly
    from hedgerow_host.checks import Finding


class FailLevel(StrEnum):
    """From which level on the command fails."""

    ERROR = "error"
    WARNING = "warning"


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    fail_level: Annotated[FailLevel, typer.Option(help="Exit with 1 from this level on.")] = FailLevel.ERROR,
) -> None:
    """Compose the host without a database, and print numbered findings, each with its fix."""
    from hedgerow_host.checks import Level
    from hedgerow_host.checks import check as run
    from hedgerow_host.discovery import installed_contexts
    from hedgerow_host.exits import ExitCode

    findings = run(_compose, [context.name for context in installed_contexts()])
    _print(findings, as_json=as_json)
    failing = {Level.ERROR} if fail_level is FailLevel.ERROR else {Level.ERROR, Level.WARNING}
    if any(finding.level in failing for finding in findings):
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _compose() -> Assembly:
    from hedgerow_host.catalog import compose
    from hedgerow_host.exits import load_settings

    assembly, _routes = compose(load_settings())
    return assembly


def _print(findings: list[Finding], *, as_json: bool) -> None:
    from hedgerow_host.checks import Level
    from hedgerow_host.cli.output import print_rows

    if as_json:
        rows = [
            {
                "id": finding.id,
                "level": str(finding.level),
                "subject": finding.subject,
                "what": finding.what,
                "fix": finding.fix,
                "sources": list(finding.sources),
            }
            for finding in findings
        ]
        print_rows(rows, as_json=True)
        return
    for finding in findings:
        found = f" [{'; '.join(finding.sources)}]" if finding.sources else ""
        typer.echo(f"{finding.id} {finding.subject}: {finding.what}{found}\n  fix: {finding.fix}")
    counts = {level: sum(finding.level is level for finding in findings) for level in reversed(Level)}
    typer.echo(
        ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items()), err=True
    )
