"""How `hedgerow events replay` goes about it: look, ask, carry, say where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hedgerow_core.domain import Clock
    from hedgerow_core.messaging.feed import EventFilter
    from hedgerow_core.messaging.replay import Preview
    from hedgerow_host.operations.declared import Contexts, Replaying


def run(
    subscription: str, which: EventFilter, *, again: bool, after: int, why: str, yes: bool, as_json: bool
) -> None:
    """Replay, after showing what is there; only effects that would happen again are asked about."""
    from hedgerow_host.cli.changing import confirm, decided, progress, say_changed
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_contexts
    from hedgerow_host.operations import declared
    from hedgerow_host.operations.changes import Changed

    decision, settings = decided(why), load_settings()

    async def look(contexts: Contexts, _clock: Clock) -> Preview:
        return await declared.preview_replay(_replaying(contexts, subscription, which, again))

    async def carry(contexts: Contexts, _clock: Clock) -> tuple[Changed, int | None]:
        replaying = _replaying(contexts, subscription, which, again)
        with progress("replay", found.missing + (found.ended if again else 0)) as tell:
            return await declared.run_replay(replaying, decision, after=after, progress=tell)

    found = with_contexts(settings, None, look)
    _say(found, again)
    if again and found.ended:
        confirm(f"let the effects of {found.ended} events happen again?", yes)
    done, go_on = with_contexts(settings, None, carry)
    if found.stopped and which.chooses:
        typer.echo("the feed stays stopped: a replay without a filter lets it go on", err=True)
    if go_on is not None:
        typer.echo(f"interrupted: go on with --after {go_on}", err=True)
    say_changed("replay", done, as_json=as_json, next_after=go_on)


def rehearse(subscription: str, which: EventFilter, *, again: bool, limit: int, as_json: bool) -> None:
    """Show what would become of the first events that a replay would carry."""
    from hedgerow_host.cli.changing import say_rehearsed
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_contexts
    from hedgerow_host.operations import declared

    async def look(contexts: Contexts, _clock: Clock) -> tuple[Preview, list[dict[str, object]]]:
        replaying = _replaying(contexts, subscription, which, again)
        return await declared.preview_replay(replaying), await declared.rehearse_replay(replaying, limit=limit)

    found, outcomes = with_contexts(load_settings(), None, look)
    _say(found, again)
    say_rehearsed(outcomes, as_json=as_json)


def _replaying(contexts: Contexts, subscription: str, which: EventFilter, again: bool) -> Replaying:
    from hedgerow_core.messaging.replay import Replay
    from hedgerow_host.operations import declared

    context, wanted = declared.subscription_of(contexts, subscription)
    return declared.Replaying(context, Replay(subscription=wanted, which=which, again=again))


def _say(found: Preview, again: bool) -> None:
    if found.elsewhere:
        typer.echo(
            "its publisher lives in another host: a worker reads its feed again, from the beginning", err=True
        )
    else:
        ended = f"{found.ended} that ended" + ("" if again else " (--again)")
        typer.echo(f"found: {found.missing} it never had, {ended}, {found.under_way} under way", err=True)
    if found.stopped:
        typer.echo("its feed has expired: events behind its place were retired and cannot come back", err=True)
