"""`hedgerow new …`: apps, contexts and use cases that are green from birth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from hedgerow_host.scaffold.places import MadeContext
    from hedgerow_host.scaffold.rendering import Made

app = typer.Typer(
    help="Make an app, a context, or a use case: tests, types, lint and boundaries pass as it is written.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Lower case, words joined by _, such as plant_tree.")]
Context = Annotated[
    str | None, typer.Option(help="In this context. Unless told, the one we stand in, or the only one.")
]
NoSync = Annotated[bool, typer.Option("--no-sync", help="Don't install it with uv.")]


@app.callback()
def new() -> None:
    """Make an app, a context, or a use case: tests, types, lint and boundaries pass as it is written."""


@app.command("app")
def new_app(
    name: Annotated[
        str,
        typer.Argument(
            help="Its name, and that of its folder; lower-case letters, digits and `-`, at most 24 characters."
        ),
    ],
    no_sync: NoSync = False,
) -> None:
    """Make an app in a folder of its name: a uv workspace with the host, accounts, the tools that hold the code
    to the rules, and room for contexts.

    Add a context shows it. All of `hedgerow new` needs the extra `scaffold` of hedgerow-host, and git.

    Exit codes: 0, 1 (it was made, but could not be installed), 2 (the name can't be had, or the folder is
    there).

    Example: hedgerow new app orchard
    """
    from pathlib import Path

    from hedgerow_host.scaffold.making import make_app

    made = make_app(name, Path.cwd())
    _install(made.folder, no_sync)
    _tell(made, Path.cwd(), [f"cd {name}", "uv run hedgerow new context trees", "make test"])


@app.command("context")
def new_context(
    name: Annotated[
        str,
        typer.Argument(
            help=(
                "Its name: also its schema and its URL prefix, such as trees; lower-case letters, digits and `_`,"
                " at most 24 characters."
            )
        ),
    ],
    aggregate: Annotated[
        str | None, typer.Option(help="What it keeps, one of them. Unless told: tree in trees, else item.")
    ] = None,
    no_sync: NoSync = False,
) -> None:
    """Make a context in the app around the working folder, or in Hedgerow's own repository: an aggregate, routes
    to create, get and list it, an event with its contract, a migration, walls for import-linter, tests.

    It becomes a member of the workspace; no other file changes.

    Exit codes: 0, 1 (it was made, but could not be installed), 2 (the name can't be had, the folder is there, or
    we are in no app).

    Example: hedgerow new context trees
    """
    from pathlib import Path

    from hedgerow_host.scaffold.making import make_context
    from hedgerow_host.scaffold.places import workspace_around

    here = Path.cwd()
    made = make_context(name, aggregate, here)
    root = workspace_around(here).root
    _install(root, no_sync)
    sync = ["uv sync --all-packages"] if no_sync else []
    tests = made.folder.relative_to(root) / "tests"
    _tell(made, root, [*sync, f"uv run --no-sync pytest {tests}", "uv run --no-sync hedgerow dev"])


@app.command("command")
def new_command(name: Name, context: Context = None) -> None:
    """Add a command to a context that `hedgerow new context` made: its message and handler in a file, and a
    test.

    No file is changed (ADR 0028).

    Exit codes: 0, 2 (the name can't be had, the file is there, it is not clear which context is meant, or it was
    written by hand).

    Example: hedgerow new command plant_tree --context trees
    """
    _use_case("command", name, context, "give it a route in interfaces/http.py")


@app.command("query")
def new_query(name: Name, context: Context = None) -> None:
    """Add a query, as `hedgerow new command` adds a command.

    Exit codes: 0, 2.

    Example: hedgerow new query find_oldest_tree --context trees
    """
    _use_case("query", name, context, "give it a route in interfaces/http.py")


@app.command("event")
def new_event(
    name: Annotated[str, typer.Argument(help="What has happened, in the past tense, such as tree_felled.")],
    context: Context = None,
) -> None:
    """Add an event: as the domain records it, as others read it, how one becomes the other, and a test.

    `contract.json` is written anew.

    Exit codes: 0, 2.

    Example: hedgerow new event tree_felled --context trees
    """
    where = _use_case("event", name, context, "record it where it happens, in a method of the aggregate")
    _write_contract(where)


@app.command("subscription")
def new_subscription(
    name: Annotated[str, typer.Argument(help="The effect, such as plant_welcome_tree; a key in the ledger.")],
    to: Annotated[
        str,
        typer.Option(
            help="The event, such as users.user_registered. If its publisher is installed, it must publish it."
        ),
    ],
    context: Context = None,
) -> None:
    """Add a subscription to an event, with a model of the ids in it, and a test.

    `contract.json` is written anew.

    Exit codes: 0, 2.

    Example: hedgerow new subscription plant_welcome_tree --to users.user_registered
    """
    from hedgerow_host.scaffold.adding import add_use_case
    from hedgerow_host.scaffold.publishers import event_named, is_known

    where = _context(context)
    made = add_use_case("subscription", name, where, event_named(to))
    known = [] if is_known(to) else [f"its publisher is not installed here: name in the model what {to} carries"]
    _tell(made, where.folder, notes=[*known, "replace the line in the trail by the effect"])
    _write_contract(where)


@app.command("task")
def new_task(name: Name, context: Context = None) -> None:
    """Add a task that a context tells itself to do later, and a test. Its name is a key in the ledger.

    Exit codes: 0, 2.

    Example: hedgerow new task prune_tree --context trees
    """
    _use_case("task", name, context, "enqueue it: await work.tasks.enqueue(…)")


def _use_case(kind: str, name: str, context: str | None, note: str) -> MadeContext:
    from hedgerow_host.scaffold.adding import add_use_case

    where = _context(context)
    made = add_use_case(kind, name, where)
    _tell(made, where.folder, notes=[note])
    return where


def _context(named: str | None) -> MadeContext:
    from pathlib import Path

    from hedgerow_host.scaffold.places import context_around

    return context_around(Path.cwd(), named)


def _install(root: Path, no_sync: bool) -> None:
    """What is new is a member of the workspace, so uv finds it; the lock is all that changes."""
    if not no_sync:
        from hedgerow_host.scaffold.installing import sync

        sync(root)


def _write_contract(context: MadeContext) -> None:
    """What a context publishes and reads has changed, and contract.json says so: written, as uv writes its lock."""
    from importlib import invalidate_caches

    from hedgerow_host.cli.contracts import write
    from hedgerow_host.discovery import installed_contexts

    if context.name in [installed.name for installed in installed_contexts()]:
        invalidate_caches()
        write(context.name)
    else:
        typer.echo(f"next: uv sync --all-packages && hedgerow contracts write --context {context.name}", err=True)


def _tell(made: Made, root: Path, then: list[str] | None = None, notes: list[str] | None = None) -> None:
    """What was made, and what comes next."""
    typer.echo(f"made {made.what}")
    for file in made.files:
        typer.echo(f"  {file.relative_to(root)}")
    for note in notes or ():
        typer.echo(f"next: {note}", err=True)
    if then:
        typer.echo("next:", err=True)
        for command in then:
            typer.echo(f"  {command}", err=True)
