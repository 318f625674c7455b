"""What a worker does for one context: relays, chores, and the dispatcher that moves them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from hedgerow_core.domain import Clock
from hedgerow_core.messaging import (
    Carrier,
    Chore,
    Dispatcher,
    Hints,
    Housekeeping,
    Relay,
    RemoteRelay,
    Scheduler,
    Subscription,
)
from hedgerow_core.wire import Peer
from hedgerow_host.hosted_context import HostedContext, Wakeup, process_name
from hedgerow_host.wire.feed_asking import asking


def dispatcher_of(
    context: HostedContext,
    hints: Hints,
    *,
    clock: Clock,
    keep_events: timedelta,
    keep_audit: timedelta,
    peers: Mapping[str, Peer],
    wakeup: Wakeup,
) -> Dispatcher:
    """The dispatcher of a context, not running yet."""
    chores: list[Chore] = [
        Scheduler(context.database, context.handlers.schedules, clock),
        Housekeeping(
            context.database,
            context.consumers,
            keep_events=keep_events,
            keep_audit=keep_audit,
            elsewhere=peers.keys(),
        ),
    ]
    relays = relays_of(context, peers, wakeup)
    return Dispatcher(context.database, relays, context.consumers, hints, chores)


def relays_of(context: HostedContext, peers: Mapping[str, Peer], wakeup: Wakeup) -> list[Carrier]:
    """What carries events to a context: one relay for each publisher that it listens to.

    `peers` are the contexts that live on other hosts; who waits is woken when something of theirs can be carried.
    """
    wanted: dict[str, list[Subscription]] = {}
    for subscription in context.subscriptions.subscribes:
        wanted.setdefault(subscription.publisher, []).append(subscription)
    return [_relay_of(context, publisher, wanted[publisher], peers.get(publisher), wakeup) for publisher in wanted]


def _relay_of(
    context: HostedContext,
    publisher: str,
    subscriptions: list[Subscription],
    peer: Peer | None,
    wakeup: Wakeup,
) -> Carrier:
    if peer is None:
        return Relay(context.database, publisher, subscriptions, holder=process_name())
    ask = asking(peer, context.name)
    holder = process_name()
    relay = RemoteRelay(context.database, publisher, subscriptions, ask=ask, holder=holder, arrived=wakeup)
    wakeup.hurries(publisher, relay.hurry)
    return relay


@asynccontextmanager
async def running_dispatchers(dispatchers: Sequence[Dispatcher]) -> AsyncIterator[None]:
    """Have them work while the body runs."""
    async with asyncio.TaskGroup() as running:
        for dispatcher in dispatchers:
            running.create_task(dispatcher.run())
        try:
            yield
        finally:
            for dispatcher in dispatchers:
                dispatcher.stop()
