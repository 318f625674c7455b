"""How a verb changes something: it says what it found, asks, shows how far it is, and says what it has done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hedgerow_core.messaging.actions import Decision
    from hedgerow_core.messaging.selection import DeliveryFilter
    from hedgerow_core.messaging.steering import Action
    from hedgerow_host.operations.changes import Changed, Progress

Why = Annotated[
    str, typer.Option(help="The reason; it is written down with your name. Required, except for a dry run.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help=(
            "Change nothing: run the handlers in transactions that are rolled back, and say for each whether "
            "it would complete, would fail with which error, or was not tried because it calls the world "
            "outside."
        ),
    ),
]
Rehearsed = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many a dry run tries at most.")]


def change_deliveries(
    action: Action,
    which: DeliveryFilter,
    *,
    context: str | None,
    why: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Retry, skip, discard or cancel what the filter finds, after showing it."""
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import changes, reads
    from hedgerow_host.operations.rows import Ledgers

    decision = decided(why)
    demand_filter(which.chooses)
    settings = load_settings()

    async def look(ledgers: Ledgers) -> tuple[Mapping[str, Mapping[str, int]], int]:
        return await reads.count(ledgers, which), await reads.remaining(ledgers, action, which)

    async def change(ledgers: Ledgers) -> Changed:
        with progress(action, total) as tell:
            return await changes.decide(ledgers, action, which, decision, progress=tell)

    counts, total = with_ledgers(settings, context, look)
    say_found(counts)
    if not counts:
        raise typer.Exit(1)
    if total:
        confirm(f"{action} {total} of them?", yes)
    say_changed(action, with_ledgers(settings, context, change), as_json=as_json)


def retry_deliveries(
    which: DeliveryFilter,
    *,
    context: str | None,
    why: str,
    dry_run: bool,
    limit: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Retry what the filter finds, or rehearse that for the first `limit` of it."""
    from hedgerow_core.messaging.steering import Action

    if dry_run:
        _rehearse_retry(which, context=context, limit=limit, as_json=as_json)
    else:
        change_deliveries(Action.RETRY, which, context=context, why=why, yes=yes, as_json=as_json)


def _rehearse_retry(which: DeliveryFilter, *, context: str | None, limit: int, as_json: bool) -> None:
    """Show what would become of the first deliveries that a retry would change."""
    from hedgerow_core.domain import Clock
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_contexts
    from hedgerow_host.operations import declared, reads

    demand_filter(which.chooses)

    async def rehearse(contexts: declared.Contexts, _clock: Clock) -> tuple[Any, list[dict[str, Any]]]:
        ledgers = {name: each.database for name, each in contexts.items()}
        return await reads.count(ledgers, which), await declared.rehearse_retry(contexts, which, limit=limit)

    counts, outcomes = with_contexts(load_settings(), context, rehearse)
    say_found(counts)
    say_rehearsed(outcomes, as_json=as_json)


def decided(why: str) -> Decision:
    """Who wants the change, and why; the reason must be given."""
    import getpass

    from hedgerow_core.messaging.actions import Decision

    if not why.strip():
        raise typer.BadParameter("say why: it is written down with your name", param_hint="--why")
    return Decision(by=f"cli:{getpass.getuser()}", why=why)


def demand_filter(chosen: bool) -> None:
    """Nothing is changed without saying what."""
    if not chosen:
        raise typer.BadParameter("say which: give ids, or a filter such as --state dead")


def confirm(question: str, yes: bool) -> None:
    """Ask, unless it was answered already."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Progress]:
    """Show on stderr how far a large change is: a bar on a terminal, else a line for every batch."""
    import sys

    from hedgerow_core.messaging.steering import BATCH

    if total <= BATCH:
        yield lambda _number: None
    elif sys.stderr.isatty():
        with _bar(what, total) as advance:
            yield advance
    else:
        done = 0

        def tell(number: int) -> None:
            nonlocal done
            done += number
            typer.echo(f"{what}: {done} of {total}", err=True)

        yield tell


def say_found(counts: Mapping[str, Mapping[str, int]]) -> None:
    """How many there are, by context and state; to stderr."""
    found = [
        f"{number} {context} {state}" for context, states in counts.items() for state, number in states.items()
    ]
    typer.echo(f"found: {', '.join(found) or 'none'}", err=True)


def say_rehearsed(outcomes: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """How a dry run ended; exit code 1 if something would fail."""
    from hedgerow_host.cli.output import print_rows

    columns = ("context", "event_id", "subscription", "verdict", "note")
    shown = outcomes if as_json else [{**each, "verdict": each["verdict"].replace("_", " ")} for each in outcomes]
    print_rows(shown, as_json=as_json, columns=columns, empty="There is nothing to try.")
    typer.echo("dry run: nothing was changed", err=True)
    if any(outcome["verdict"] == "would_fail" for outcome in outcomes):
        raise typer.Exit(1)


def say_changed(what: str, done: Changed, *, as_json: bool, **members: object) -> None:
    """What was changed; exit code 4 if something came in between."""
    import json

    from hedgerow_host.exits import ExitCode

    if as_json:
        typer.echo(json.dumps({"action": what, **asdict(done), **members}, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{what}: {done.changed} changed")
    for context, failure in done.failed.items():
        typer.echo(f"error: {context}: {failure}\n  fix: mend that, and ask again: it goes on from here", err=True)
    if done.failed:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


def say_done(answer: Mapping[str, object], line: str, *, as_json: bool) -> None:
    """What a single change has made: a line for people, an object for programs."""
    import json

    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else line)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)
