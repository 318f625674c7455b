"""All verbs: one file a group. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

from copy import copy
from typing import Annotated

import typer

from hedgerow_host.cli import (
    audit,
    check,
    config,
    context_map,
    contexts,
    contracts,
    deliveries,
    docs,
    documents,
    events,
    extract,
    extracting,
    get,
    health,
    metrics,
    migrate,
    migrations,
    new,
    removing,
    routes,
    schedules,
    seed,
    serve,
    shell,
    tasks,
    template,
)
from hedgerow_host.cli.of_contexts import VerbsOfContexts

app = typer.Typer(
    name="hedgerow",
    cls=VerbsOfContexts,
    help="Host bounded contexts: run them, migrate them, look at them.",
    epilog="A context may bring verbs of its own: hedgerow CONTEXT --help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=serve.MARKUP,
)
for role, serves in serve.ROLES.items():
    app.command(role)(serves)
app.command("migrate")(migrate.migrate)
app.add_typer(migrations.app, name="migrations")
contexts.app.command("remove")(removing.remove)
app.add_typer(contexts.app, name="contexts")
app.command("routes")(routes.routes)
app.command("check")(check.check)
app.command("map")(context_map.show_map)
app.add_typer(docs.app, name="docs")
app.command("openapi")(documents.openapi)
app.command("asyncapi")(documents.asyncapi)
app.add_typer(contracts.app, name="contracts")
app.add_typer(config.app, name="config")
app.add_typer(events.app, name="events")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(tasks.app, name="tasks")
app.add_typer(schedules.app, name="schedules")
app.command("audit")(audit.audit)
app.command("seed")(seed.seed)
app.command("get")(get.get)
app.command("shell")(shell.shell)
app.command("health")(health.health)
app.add_typer(metrics.app, name="metrics")
extract.app.command("run")(extracting.run)
extract.app.command("status")(extracting.status)
extract.app.command("rollback")(extracting.rollback)
app.add_typer(extract.app, name="extract")
app.add_typer(new.app, name="new")
app.add_typer(template.app, name="template")


@app.callback()
def hedgerow(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda asked: _print_version(asked),
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Host bounded contexts: run them, migrate them, look at them."""


def verbs_behind(first_word: str = "") -> typer.Typer:
    """The verb or the group of this name alone; none, if a context's is meant. Each that is in it takes time."""
    if not first_word or first_word.startswith("-"):
        return app
    named = copy(app)
    named.registered_commands = [each for each in app.registered_commands if each.name == first_word]
    named.registered_groups = [each for each in app.registered_groups if each.name == first_word]
    return named


def names_of_verbs() -> list[str]:
    """What may stand behind `hedgerow`, but for the names of contexts."""
    return [
        *(str(each.name) for each in app.registered_commands),
        *(str(each.name) for each in app.registered_groups),
    ]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"hedgerow {version('hedgerow-host')}")
        raise typer.Exit
