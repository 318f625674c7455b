"""The options by which verbs choose events, deliveries and tasks: the same everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from hedgerow_core.messaging.feed import EventFilter
    from hedgerow_core.messaging.selection import DeliveryFilter
    from hedgerow_core.messaging.trail import AuditFilter

Ids = Annotated[list[UUID] | None, typer.Argument(help="Ids of events or tasks.")]
Context = Annotated[str | None, typer.Option(help="This context alone.")]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state",
        help=(
            "`pending`, `processing`, `retry_wait`, `completed`, `dead`, `parked` or `discarded`; may be "
            "given repeatedly."
        ),
    ),
]
Subscription = Annotated[str | None, typer.Option(help="Name of a subscription or task.")]
Task = Annotated[str | None, typer.Option("--task", help="Name of a task.")]
Type = Annotated[str | None, typer.Option("--type", help="Type of the event.")]
Error = Annotated[str | None, typer.Option(help="Part of the reason or of an error's message, in any case.")]
Since = Annotated[datetime | None, typer.Option(help="Received at this time (UTC) or later.")]
Until = Annotated[datetime | None, typer.Option(help="Received before this time (UTC).")]
Aggregate = Annotated[UUID | None, typer.Option(help="Id of the aggregate that it happened to.")]
OccurredSince = Annotated[datetime | None, typer.Option("--since", help="Occurred at this time (UTC) or later.")]
OccurredUntil = Annotated[datetime | None, typer.Option("--until", help="Occurred before this time (UTC).")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the latest first; up to 1,000.")]
Trace = Annotated[bool, typer.Option("--trace", help="Print the traceback of the last failed attempt instead.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def delivery_filter(
    ids: list[UUID] | None = None,
    *,
    states: list[str] | None = None,
    subscription: str | None = None,
    type: str | None = None,
    error: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    tasks: bool = False,
) -> DeliveryFilter:
    """Which deliveries the options mean."""
    from hedgerow_core.messaging.selection import DeliveryFilter, DeliveryState

    try:
        wanted = tuple(DeliveryState(state) for state in states or ())
    except ValueError as unknown:
        raise typer.BadParameter(f"{unknown}: use {', '.join(DeliveryState)}", param_hint="--state") from unknown
    return DeliveryFilter(
        ids=tuple(ids or ()),
        states=wanted,
        subscription=subscription,
        type=type,
        error=error,
        since=_utc(since),
        until=_utc(until),
        tasks=tasks,
    )


def event_filter(
    ids: list[UUID] | None = None,
    *,
    type: str | None = None,
    aggregate: UUID | None = None,
    trace: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> EventFilter:
    """Which events the options mean."""
    from hedgerow_core.messaging.feed import EventFilter

    return EventFilter(
        ids=tuple(ids or ()),
        type=type,
        aggregate_id=aggregate,
        correlation_id=trace,
        since=_utc(since),
        until=_utc(until),
    )


def audit_filter(
    *,
    action: str | None = None,
    result: str | None = None,
    actor: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> AuditFilter:
    """Which lines of the trail the options mean."""
    from hedgerow_core.messaging.trail import AuditFilter

    return AuditFilter(
        action=action, result=result, actor=actor, subject=subject, since=_utc(since), until=_utc(until)
    )


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment.replace(tzinfo=UTC) if moment else None
