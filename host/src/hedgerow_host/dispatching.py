"""What a worker does for one context: relays, chores, and the dispatcher that moves them."""

from __future__ import annotations

from datetime import timedelta

from hedgerow_core.domain import Clock
from hedgerow_core.messaging import Chore, Dispatcher, Hints, Housekeeping, Relay, Scheduler, Subscription
from hedgerow_host.hosted_context import HostedContext, process_name


def dispatcher_of(
    context: HostedContext, hints: Hints, *, clock: Clock, keep_events: timedelta, keep_audit: timedelta
) -> Dispatcher:
    """The dispatcher of a context, not running yet."""
    chores: list[Chore] = [
        Scheduler(context.database, context.handlers.schedules, clock),
        Housekeeping(context.database, context.consumers, keep_events=keep_events, keep_audit=keep_audit),
    ]
    return Dispatcher(context.database, relays_of(context), context.consumers, hints, chores)


def relays_of(context: HostedContext) -> list[Relay]:
    """What carries events to a context: one relay for each publisher that it listens to."""
    wanted: dict[str, list[Subscription]] = {}
    for subscription in context.subscriptions.subscribes:
        wanted.setdefault(subscription.publisher, []).append(subscription)
    return [
        Relay(context.database, publisher, subscriptions, holder=process_name())
        for publisher, subscriptions in wanted.items()
    ]
