"""`hedgerow extract run|status|rollback`: move a context's data to a database of its own, or take it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_host.cli.choosing import Json
from hedgerow_host.extraction.move.stage import Stage

if TYPE_CHECKING:
    from hedgerow_core.persistence import DatabaseAddress
    from hedgerow_host.extraction.move.status import Status
    from hedgerow_host.settings import HostSettings

Name = Annotated[str, typer.Argument(metavar="CONTEXT", help="The context.")]
To = Annotated[
    str | None,
    typer.Option(
        help="postgresql://… of the database that it moves to. Later runs know it, but for its password, which "
        "PGPASSWORD or ~/.pgpass may say."
    ),
]


def run(
    name: Name,
    to: To = None,
    through: Annotated[Stage, typer.Option(help="The last stage of this run.")] = Stage.SHADOW,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Then go on following until Ctrl-C, so that little is left for the switch."),
    ] = False,
    new_host: Annotated[
        str | None,
        typer.Option(
            help=(
                "http://host:8000 of the host that takes over; a switch needs it. Its `/readyz` must say that it "
                "stands by."
            )
        ),
    ] = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            help=(
                'A question for the shadow: users.get_user={"user_id": "…"}; may be said more than once. Queries '
                "whose parameters are called as columns of a table are asked with values from it anyhow."
            )
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Folder for what the source held, when it is retired. Unless told, below .hedgerow/archive."
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            help=(
                "Write `Dockerfile`, `compose.yaml`, `requirements.txt` and `env.example` of the new host into "
                "this folder, without writing over anything. Secrets are named there, never written."
            )
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do retire: drop the context at the source.")] = False,
    as_json: Json = False,
) -> None:
    """Move a context's rows, deliveries and history to a database of its own while everybody works (ADR
    0037).

    The database that it comes from is `HEDGEROW_DATABASE_URL`. Stages, each of which may be killed and is then
    done anew:

    - **prepare**: The target gets schema, role and partitions like the source, and takes no writes; at the
    source, triggers note what changes. No migration of the context is possible until the move is over.

    - **copy**: All rows as of one moment, in one transaction.

    - **follow**: What has changed since, until little is left.

    - **shadow**: Both sides are compared row by row at one common moment, and asked the same published queries.
    What differs is named, and ends the run with 1.

    - **switch**: The source takes no more writes, the rest is carried, claims are given back, the target takes
    writes: seconds at most, else the source goes on. Needs `--new-host`, which must stand by.

    - **verify**: Counts who works where; what is still missing is named, and ends the run with 1.

    - **retire**: The source's rows are archived as by `contexts remove`, and dropped. There is no way back from
    here.

    Every run begins where the last one ended, and compares anew until the switch. Two runs at once exclude each
    other.

    JSON: what each stage of this run found, by its name.

    Exit codes: 0, 1 (a stage can't be finished; it says why, and who takes writes), 2, 3.

    Example: hedgerow extract run billing --to postgresql://billing@new:5432/billing --through copy
    """
    import asyncio
    import json
    from datetime import UTC, datetime

    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.extraction.move.answers import Asked
    from hedgerow_host.extraction.move.stages import Wishes
    from hedgerow_host.extraction.move.under_way import moving

    if through is Stage.RETIRE and not yes:
        raise HostError(
            f"retire drops {name} at the source, and then there is no way back",
            fix="say --yes; what was there is archived first",
            code=ExitCode.MISCONFIGURED,
        )
    settings = load_settings()
    try:
        asked = [Asked.parse(each) for each in ask or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--ask") from error
    folder = archive or settings.data_dir / "archive" / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    wishes = Wishes(new_host=new_host, asked=asked, archive=folder)
    if project is not None:
        _write_project(name, settings, project)

    async def go(source: DatabaseAddress, target: DatabaseAddress) -> None:
        async with moving(name, settings, source, target, _tell) as mover:
            try:
                await mover.run(through, wishes)
            finally:
                if as_json:
                    typer.echo(json.dumps(mover.found, indent=2, default=str))
            if follow:
                _tell("follows until Ctrl-C")
                await mover.keep_following()

    with _sides(settings, name, to) as (source, target):
        asyncio.run(go(source, target))
    if not as_json:
        typer.echo(f"{name}: {through} is finished. {_next(name, through)}")


def status(name: Name, to: To = None, as_json: Json = False) -> None:
    """Say how far a move is, which side takes writes, and how much is still to be carried.

    JSON: `context`, `source`, `target`, `finished` (the last stage), `since`, `at_source`, `at_target`,
    `waiting` (changes).

    Exit codes: 0, 1, 2, 3.

    Example: hedgerow extract status billing --to postgresql://billing@new:5432/billing
    """
    import asyncio
    import json
    from dataclasses import asdict

    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings
    from hedgerow_host.extraction.move.status import status_of

    settings = load_settings()
    with _sides(settings, name, to) as (source, target):
        found: Status = asyncio.run(status_of(name, source, target))
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, default=str))
        return
    print_rows([{"what": what, "found": str(value)} for what, value in asdict(found).items()], as_json=False)


def rollback(
    name: Name, to: To = None, yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False
) -> None:
    """Take a move back, from whatever stage before `retire`: the source goes on, with what was written at the
    target since the switch; then the target's schema and all of the move are removed, but for a line in the
    trail (`extraction.rolled_back`).

    While hosts are still connected to the target, the source works again, but the target is left for another
    call.

    Exit codes: 0, 1, 2, 3, 4 (the source works again; something is left at the target).

    Example: hedgerow extract rollback billing --to postgresql://billing@new:5432/billing
    """
    import asyncio

    from hedgerow_host.cli.changing import confirm
    from hedgerow_host.exits import load_settings
    from hedgerow_host.extraction.move.under_way import taken_back

    settings = load_settings()
    with _sides(settings, name, to) as (source, target):
        confirm(f"take the move of {name} from {target.place} back to {source.place}?", yes)
        for line in asyncio.run(taken_back(name, settings, source, target, _tell)):
            typer.echo(line)


@contextmanager
def _sides(settings: HostSettings, name: str, to: str | None) -> Iterator[tuple[DatabaseAddress, DatabaseAddress]]:
    """The two databases: ours, and the one that was named, now or when the move began."""
    import asyncio

    from hedgerow_core.persistence import DatabaseAddress
    from hedgerow_host.database import existing_database, told_if_away
    from hedgerow_host.exits import ExitCode, HostError
    from hedgerow_host.extraction.move.status import remembered_target

    with existing_database(settings) as source:
        with told_if_away(source):
            remembered = asyncio.run(remembered_target(name, source))
        named = to or remembered
        if named is None:
            raise HostError(
                f"no move of {name} is under way",
                fix="begin one: hedgerow extract run CONTEXT --to postgresql://user:password@host:5432/database",
                code=ExitCode.MISCONFIGURED,
            )
        try:
            target = DatabaseAddress.parse(named)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--to") from error
        if remembered is not None and DatabaseAddress.parse(remembered).place != target.place:
            raise HostError(
                f"{name} is moving to {DatabaseAddress.parse(remembered).place} already",
                fix=f"go on with that, or take it back first: hedgerow extract rollback {name}",
                code=ExitCode.MISCONFIGURED,
            )
        yield source, target


def _write_project(name: str, settings: HostSettings, folder: Path) -> None:
    from hedgerow_host.extraction.project import write_project

    for path in write_project(name, settings, folder):
        _tell(f"wrote {path}")


def _next(name: str, through: Stage) -> str:
    again = f"hedgerow extract run {name} --through"
    return {
        Stage.PREPARE: f"Next: {again} shadow",
        Stage.COPY: f"Next: {again} shadow",
        Stage.FOLLOW: f"Next: {again} shadow",
        Stage.SHADOW: "Next: start the new host on the target, where it stands by; "
        f"then {again} switch --new-host URL",
        Stage.SWITCH: "Next: send its callers to the new host, restart the others with "
        f"HEDGEROW_REMOTES__{name.upper()}__URL, then {again} verify. "
        f"Until you retire it, hedgerow extract rollback {name} leads back",
        Stage.VERIFY: f"Next: when you are sure, {again} retire --yes",
        Stage.RETIRE: "The move is over.",
    }.get(through, "")


def _tell(line: str) -> None:
    typer.echo(line, err=True)
