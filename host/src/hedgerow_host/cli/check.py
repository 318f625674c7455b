"""`hedgerow check`: what is wrong with the composition, or will be, before anything runs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.assembly import Assembly
    from hedgerow_host.checks.findings import Finding
    from hedgerow_host.settings import HostSettings


class FailLevel(StrEnum):
    """From which level on the command fails."""

    ERROR = "error"
    WARNING = "warning"


class Form(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def check(
    deploy: Annotated[
        bool,
        typer.Option(
            "--deploy",
            help=(
                "Also look for what is unwise in production though it boots: run it with the settings of "
                "production."
            ),
        ),
    ] = False,
    database: Annotated[
        bool | None,
        typer.Option(
            "--database/--no-database",
            help=(
                "Whether to look at the database; in `dev` without a URL at the embedded one. Neither: if "
                "HEDGEROW_DATABASE_URL is set."
            ),
        ),
    ] = None,
    fail_level: Annotated[
        FailLevel, typer.Option(help="Exit with 1 if there is a finding of this level or above.")
    ] = FailLevel.ERROR,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print SARIF 2.1.0, which code hosts show beside the line.")
    ] = False,
) -> None:
    """Look at settings, composition, imports and the database, and print what is wrong: numbered findings, each
    with its fix, and with file and line where there are some.

    What lies in files is read and not run, so imports are looked at even where the composition fails (ADR 0027).
    Schemas are held against what their migrations make of a database that comes and goes on the same server (ADR
    0038): half a second a context. If the database was not looked at, stderr says so.

    JSON: `id`, `level` (`error`, `warning`, `note`), `subject`, `what`, `fix`, `sources`, `file`, `line`.

    Exit codes: 0, 1 (a finding of that level), 2 (wrong usage), 3 (the database is away; what is known without
    it is printed).

    Example: hedgerow check --deploy --fail-level warning
    """
    from hedgerow_host.checks import check as run
    from hedgerow_host.checks.findings import Level, worst_first
    from hedgerow_host.checks.settings import settings_as_far_as_usable
    from hedgerow_host.exits import ExitCode, HostError

    if as_json and as_sarif:
        raise typer.BadParameter("--json or --sarif, not both")
    form = Form.SARIF if as_sarif else Form.JSON if as_json else Form.TEXT
    settings, unusable = settings_as_far_as_usable()
    findings, assembly = run(settings, unusable, deploy=deploy)
    try:
        findings = worst_first([*findings, *_of_database(settings, assembly, wanted=database, deploy=deploy)])
    except HostError:
        _print(findings, form)  # what is known without the database is worth knowing without it
        raise
    _print(findings, form)
    failing = {Level.ERROR} if fail_level is FailLevel.ERROR else {Level.ERROR, Level.WARNING}
    if any(finding.level in failing for finding in findings):
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _of_database(
    settings: HostSettings, assembly: Assembly | None, *, wanted: bool | None, deploy: bool
) -> list[Finding]:
    from hedgerow_host.checks.database import look_at_database
    from hedgerow_host.database import existing_database

    if wanted is False or (wanted is None and settings.database_url is None):
        why = "HEDGEROW_DATABASE_URL is not set; --database looks anyway" if wanted is None else "--no-database"
        typer.echo(f"The database was not looked at: {why}.", err=True)
        return []
    if assembly is None:
        typer.echo("The database was not looked at: first the composition has to be right.", err=True)
        return []
    with existing_database(settings) as address:
        return look_at_database(address, [context.loaded for context in assembly.contexts], deploy=deploy)


def _print(findings: list[Finding], form: Form) -> None:
    import json

    from hedgerow_host.checks.findings import Level
    from hedgerow_host.checks.sarif import as_sarif
    from hedgerow_host.cli.output import print_rows

    if form is Form.SARIF:
        typer.echo(json.dumps(as_sarif(findings), indent=2, ensure_ascii=False))
        return
    if form is Form.JSON:
        print_rows([_row(finding) for finding in findings], as_json=True)
        return
    _say_notes([finding for finding in findings if finding.level is Level.NOTE])
    for finding in reversed(findings):  # the worst stands last, where the eye is
        if finding.level is not Level.NOTE:
            _say(finding)
    counts = {level: sum(finding.level is level for finding in findings) for level in reversed(Level)}
    typer.echo(
        ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items()), err=True
    )


def _say_notes(notes: list[Finding]) -> None:
    """One line for all that say the same: nobody has to do anything about them."""
    alike: dict[tuple[str, str, str], list[Finding]] = {}
    for note in notes:
        alike.setdefault((note.id, note.what, note.fix), []).append(note)
    for (id, what, _fix), same in alike.items():
        if len(same) == 1:
            _say(same[0])
        else:
            typer.echo(f"{id} {what}: {', '.join(note.subject for note in same)}")


def _say(finding: Finding) -> None:
    found = f" [{'; '.join(finding.sources)}]" if finding.sources else ""
    at = f"\n  at: {finding.place}" if finding.place else ""
    typer.echo(f"{finding.id} {finding.subject}: {finding.what}{found}{at}\n  fix: {finding.fix}")


def _row(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "level": str(finding.level),
        "subject": finding.subject,
        "what": finding.what,
        "fix": finding.fix,
        "sources": list(finding.sources),
        "file": finding.place.shown if finding.place else None,
        "line": finding.place.line if finding.place else None,
    }
