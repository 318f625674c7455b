"""`hedgerow docs …`: pages about the host and its contexts, made from what they declare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hedgerow_host.reference.words import Gap

app = typer.Typer(help="Write pages about the host and its contexts.", no_args_is_help=True)

FOLDER = Path("docs/contexts")
REFERENCE = Path("docs/reference")
Check = Annotated[
    bool,
    typer.Option("--check", help="Write nothing; name the pages that differ, with their lines, and exit with 1."),
]


@app.callback()
def docs() -> None:
    """Write pages about the host and its contexts."""


@app.command("build")
def build(
    folder: Annotated[Path, typer.Argument(help="Where the pages go.")] = FOLDER, check: Check = False
) -> None:
    """Write a page per hosted context: what it is for, its routes, events, queries, what it listens to and asks,
    its tables, tasks, schedules, permissions and settings; and an index with the map.

    What each says comes from docstrings and declarations, so it is mended there. Pages of contexts that are gone
    are removed; a file that somebody else wrote is not touched.

    Exit codes: 0, 1 (`--check` only), 2 (also if a page would overwrite what somebody else wrote).

    Example: hedgerow docs build docs/contexts --check
    """
    from hedgerow_host.catalog import compose
    from hedgerow_host.cli.page_folders import check_pages, keep_pages
    from hedgerow_host.context_map.pages import MARK, pages
    from hedgerow_host.exits import load_settings

    wanted = pages(*compose(load_settings()))
    gone = "its context is gone"
    if check:
        check_pages(folder, wanted, mark=MARK, gone=gone, again=f"hedgerow docs build {folder}")
    else:
        keep_pages(folder, wanted, mark=MARK, gone=gone)


@app.command("reference")
def write_reference(
    output: Annotated[Path, typer.Option(help="The folder where the pages go.")] = REFERENCE, check: Check = False
) -> None:
    """Write the reference: settings, metrics, error codes, verbs, hooks, events, queries and checks, a page each.

    It is about this host: what the hosted contexts bring is in it, and what is written comes from docstrings,
    descriptions and help texts (ADR 0043). What nobody has explained there is named, with the place where the words
    belong. Needs no database.

    Exit codes: 0, 1 (`--check`: a page differs; or something is not explained), 2 (also if a page would overwrite
    what somebody else wrote).

    Example: hedgerow docs reference --output docs/reference --check
    """
    import typer.main

    from hedgerow_host.catalog import compose
    from hedgerow_host.cli.page_folders import check_pages, keep_pages
    from hedgerow_host.cli.verbs import app as command_line
    from hedgerow_host.exits import load_settings
    from hedgerow_host.reference.pages import MARK, reference

    assembly, _routes = compose(load_settings())
    written = reference(assembly, typer.main.get_command(command_line))
    gone = "there is no such page any more"
    if check:
        _demand_words(written.gaps)
        again = f"hedgerow docs reference --output {output}"
        check_pages(output, written.pages, mark=MARK, gone=gone, again=again)
    else:
        keep_pages(output, written.pages, mark=MARK, gone=gone)
        _demand_words(written.gaps)


def _demand_words(gaps: Sequence[Gap]) -> None:
    """End the command if something is not explained: each is named, with the place where its words belong."""
    from hedgerow_host.exits import ExitCode, HostError

    if not gaps:
        return
    for gap in gaps:
        typer.echo(str(gap), err=True)
    raise HostError(
        f"{len(gaps)} thing{'s are' if len(gaps) > 1 else ' is'} not explained",
        fix="write the words where each line says, then run this again",
        code=ExitCode.CHECK_FAILED,
    )
