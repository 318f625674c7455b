"""`hedgerow contexts remove`: take a context out of the database, with a copy of what was in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.removal import Removal
    from hedgerow_host.settings import HostSettings


def remove(
    name: Annotated[str, typer.Argument(help="The context, installed or not any more.")],
    archive: Annotated[
        Path | None,
        typer.Option(help="Folder for the copy; must not be there yet. Unless told, one below .hedgerow/archive."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would happen, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Copy every table of a context into a CSV file (PostgreSQL's own COPY, with a header) and `archive.json`,
    then drop its schema and its role: in one transaction, all of it or nothing.

    Refuses, and names them, while hosted contexts require it, hear its events or ask its queries, and while
    processes that host it are connected. The package stays installed; it says how it goes, too. The role stays
    where another database of the server uses it.

    The archive also holds `restore.sql`, for psql: it brings the rows back into a schema that `hedgerow migrate
    --context NAME` has made anew, with the release that was installed then; another revision is refused. All of
    it, or nothing; the ledger is as it was, its sequences too. On the same server only: an outbox counts in
    transactions of its server.

    JSON: `context`, `removed`, `archive`, `tables` (rows, by table), `role`, `next` (how the package goes; null
    if it is gone).

    Exit codes: 0, 1 (others depend on it, it is in use, or there is no such context in the database; also if
    nobody confirms), 2, 3.

    Example: hedgerow contexts remove billing --plan
    """
    import asyncio
    from datetime import UTC, datetime

    from hedgerow_host.cli.changing import confirm
    from hedgerow_host.database import existing_database, told_if_away
    from hedgerow_host.exits import load_settings
    from hedgerow_host.removal import archive_and_drop, look

    settings, now = load_settings(), datetime.now(UTC)
    folder = archive or settings.data_dir / "archive" / f"{name}-{now:%Y%m%dT%H%M%SZ}"
    _refuse_while_needed(name, settings)
    with existing_database(settings) as address, told_if_away(address):
        found = asyncio.run(look(address, name))
        _demand_there(found)
        if plan:
            _tell(found, folder, None, as_json=as_json)
            if found.connections:
                typer.echo(f"note: not now: {_in_use(found)}", err=True)
            return
        _demand_removable(found, folder)
        typer.echo(f"{name}: {len(found.tables)} tables, {sum(found.tables.values())} rows → {folder}", err=True)
        confirm(f"copy and drop all of {name} in {address}?", yes)
        folder.mkdir(parents=True)
        removed, role = asyncio.run(archive_and_drop(address, name, folder, now))
    _tell(removed, folder, role, as_json=as_json)


def _refuse_while_needed(name: str, settings: HostSettings) -> None:
    from hedgerow_host.catalog import compose
    from hedgerow_host.exits import ExitCode, HostError
    from hedgerow_host.removal import dependents_of

    assembly, _routes = compose(settings)
    needing = dependents_of(name, assembly)
    if needing:
        raise HostError(
            "\n".join([f"{name} can't be removed, others depend on it:", *map(str, needing)]),
            fix="do that, deploy it, then again",
            code=ExitCode.CHECK_FAILED,
        )


def _demand_there(found: Removal) -> None:
    from hedgerow_host.exits import ExitCode, HostError

    if not found.schema_exists:
        raise HostError(
            f"there is no schema {found.context} in this database",
            fix="check the name, and HEDGEROW_DATABASE_URL",
            code=ExitCode.CHECK_FAILED,
        )
    if "ledger_version" not in found.tables:
        raise HostError(
            f"the schema {found.context} belongs to no context: it has no ledger",
            fix="if it is yours, drop it by hand",
            code=ExitCode.CHECK_FAILED,
        )


def _demand_removable(found: Removal, folder: Path) -> None:
    from hedgerow_host.exits import ExitCode, HostError

    if found.connections:
        raise HostError(
            _in_use(found),
            fix=f"stop them, or start them with HEDGEROW_CONTEXTS that leaves {found.context} out",
            code=ExitCode.CHECK_FAILED,
        )
    if folder.exists():
        raise HostError(
            f"{folder} is there already", fix="choose another folder for --archive", code=ExitCode.MISCONFIGURED
        )


def _in_use(found: Removal) -> str:
    return f"running hosts use {found.context}: connections to this database: {found.connections}"


def _tell(removal: Removal, folder: Path, role: str | None, *, as_json: bool) -> None:
    """What would happen, or what has happened; and what is left to do with the package."""
    import json

    done = role is not None
    then = _uninstalling(removal.context)
    if as_json:
        whole = {"context": removal.context, "removed": done, "archive": str(folder), "tables": removal.tables}
        typer.echo(json.dumps({**whole, "role": role, "next": then}, indent=2))
        return
    from hedgerow_host.restoring import SCRIPT

    for table, rows in removal.tables.items():
        typer.echo(f"{folder / table}.csv  {rows} rows")
    typer.echo(f"schema {removal.context} {'is' if done else 'would be'} dropped{f'; {role}' if role else ''}")
    if then:
        typer.echo(f"next: {then}", err=True)
    if done:
        typer.echo(f"to have it back: {folder / SCRIPT} says how", err=True)


def _uninstalling(name: str) -> str | None:
    """How the package goes, too; None if it has gone already."""
    from hedgerow_host.discovery import installed_contexts

    for context in installed_contexts():
        if context.name == name:
            member = Path("contexts") / name
            if (member / "pyproject.toml").is_file():
                return f"rm -r {member} && uv sync --all-packages"
            return f"uv remove {context.distribution}"
    return None
