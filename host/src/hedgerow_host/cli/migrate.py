"""`hedgerow migrate`: bring the database to what the contexts expect, or say what that would take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_core.persistence import DatabaseAddress, PendingRevision
    from hedgerow_core.persistence.migrations.linting import Unsafe
    from hedgerow_host.exits import HostError
    from hedgerow_host.loading import LoadedContext
    from hedgerow_host.migration_plan import Step
    from hedgerow_host.problems import Problem


def migrate(
    plan: Annotated[
        bool,
        typer.Option(
            "--plan",
            help=(
                "Print what would run, and what of it a running release would feel; change nothing. Kinds are "
                "`expand`, `contract`, `unsafe`, and `unknown` without the extra `lint` of hedgerow-core."
            ),
        ),
    ] = False,
    sql: Annotated[
        bool,
        typer.Option(
            "--sql", help="Print the SQL that would run, as a script for psql that works once; change nothing."
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="As `--plan`, but exit with 1 if anything would run, and name it.")
    ] = False,
    context: Annotated[str | None, typer.Option(help="This context alone.")] = None,
    timeout: Annotated[
        float,
        typer.Option(
            min=0, help="Seconds to wait for another host that migrates, and for locks that a revision needs."
        ),
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Apply every context's migrations, each in its own schema, one host at a time.

    Without a database URL, in `dev`, it migrates the embedded database. Each attempt waits half a second for a
    lock, so that nobody waits longer behind it, then pauses for a second and tries again. Where a revision of an
    optional context fails, or can't get its lock, the others are migrated all the same; with `--context` it is
    required. What can't be loaded is named and left.

    JSON: `context`, `history`, `revision`, `summary`; of a plan `from`, `kind` and `unsafe` (`rule`, `file`,
    `statement`, `why`, `fix`, `meant`) as well. Not with `--sql`.

    Exit codes: 0, 1 (`--check`: something is pending; a revision failed, or its SQL can't be told without
    running it), 2, 3 (also when somebody held a lock for too long: the message names the session), 4 (an
    optional context failed; all others are migrated).

    Example: hedgerow migrate --plan
    """
    if sql and (as_json or plan or check):
        raise typer.BadParameter("--sql prints SQL, and takes neither --plan, --check nor --json")
    import asyncio

    from hedgerow_core.observability import configure_logging
    from hedgerow_core.persistence.migrations.script import script_of
    from hedgerow_host.database import existing_database, told_if_away
    from hedgerow_host.discovery import hosted_contexts
    from hedgerow_host.exits import load_settings
    from hedgerow_host.migrate import chosen_among, migrations_of, runner_for
    from hedgerow_host.migration_plan import plan as planned

    settings, patience = load_settings(), timedelta(seconds=timeout)
    configure_logging(settings.log_format, level="WARNING")
    with existing_database(settings, makes=not (plan or sql or check)) as address:
        hosted, quarantine = hosted_contexts(settings)
        contexts = chosen_among(hosted, quarantine, context)
        for name in quarantine.problems if context is None else ():
            typer.echo(f"note: {name} is not looked at: {quarantine.absence(name)}", err=True)
        with told_if_away(address):
            if sql:
                states = asyncio.run(runner_for(address, contexts).states())
                typer.echo(script_of(migrations_of(contexts), states, patience=patience), nl=False)
            elif plan or check:
                _print_plan(
                    planned(asyncio.run(runner_for(address, contexts).states())), as_json=as_json, check=check
                )
            else:
                optional = quarantine.optional if context is None else ()
                asyncio.run(_apply(address, contexts, optional, patience, as_json=as_json))


async def _apply(
    address: DatabaseAddress,
    contexts: Sequence[LoadedContext],
    optional: Collection[str],
    patience: timedelta,
    *,
    as_json: bool,
) -> None:
    from hedgerow_host.migrate import migrate_contexts

    steps, failed = await migrate_contexts(address, contexts, optional, patience=patience)
    _print_steps(steps, as_json=as_json)
    if failed:
        raise _partly(failed)


def _print_steps(steps: Sequence[PendingRevision], *, as_json: bool) -> None:
    from hedgerow_host.cli.output import print_rows

    columns = ("context", "history", "revision", "summary")
    rows = [{column: getattr(step, column) for column in columns} for step in steps]
    print_rows(rows, as_json=as_json, empty="Nothing to migrate.")


def _partly(failed: Sequence[Problem]) -> HostError:
    from hedgerow_host.exits import ExitCode, HostError

    names = ", ".join(problem.subject for problem in failed)
    return HostError(
        "\n".join(
            [
                f"{names} could not be migrated, and hosts can do without; all others are up to date",
                *map(str, failed),
            ]
        ),
        fix=f"until it is mended, hosts that list it as optional start without {names}",
        code=ExitCode.PARTLY_FAILED,
    )


def _print_plan(steps: Sequence[Step], *, as_json: bool, check: bool) -> None:
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import ExitCode, HostError
    from hedgerow_host.migration_plan import NOT_LOOKED, can_look

    rows = [
        {
            "context": step.context,
            "history": step.history,
            "from": step.comes_after,
            "revision": step.revision,
            "kind": str(step.kind),
            "summary": step.summary,
            "unsafe": [_told(each) for each in step.unsafe],
        }
        for step in steps
    ]
    columns = ("context", "history", "from", "revision", "kind", "summary")
    print_rows(rows, as_json=as_json, columns=columns, empty="Nothing to migrate.")
    if not as_json:
        for line in dict.fromkeys(_lines(step.context, each) for step in steps for each in step.unsafe):
            typer.echo(line)
    if steps and not can_look():
        typer.echo(f"note: {NOT_LOOKED}", err=True)
    if check and steps:
        names = ", ".join(f"{step.context} {step.revision}" for step in steps)
        raise HostError(
            f"{len(steps)} migration{'s are' if len(steps) > 1 else ' is'} pending: {names}",
            fix="run `hedgerow migrate`",
            code=ExitCode.CHECK_FAILED,
        )


def _told(unsafe: Unsafe) -> dict[str, str | None]:
    return {
        "rule": unsafe.rule.name,
        "file": str(unsafe.path),
        "statement": unsafe.statement,
        "why": unsafe.why,
        "fix": unsafe.fix,
        "meant": unsafe.meant,
    }


def _lines(context: str, unsafe: Unsafe) -> str:
    rule = unsafe.rule.name
    what = f"{context} {unsafe.revision} {rule}"
    if unsafe.meant is not None:
        return f"meant: {what}: {unsafe.meant}"
    return (
        f"unsafe: {what}: {unsafe.why}\n  in: {unsafe.path}\n  statement: {unsafe.statement[:300]}\n"
        f'  fix: {unsafe.fix}. Or say that you mean it: meant = {{"{rule}": "why"}}'
    )
