"""What the admin API answers. Lists carry no payloads: they may be personal; single things carry all."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow_core.http import HttpModel
from hedgerow_core.messaging.rehearsal import Verdict
from hedgerow_core.messaging.selection import DeliveryState


class EventModel(HttpModel):
    """An event as it was published."""

    context: str
    id: int
    event_id: UUID
    type: str
    version: int
    aggregate_type: str
    aggregate_id: UUID
    aggregate_version: int
    occurred_at: datetime
    causation_id: UUID | None
    correlation_id: str | None
    actor: str | None


class DeliveryModel(HttpModel):
    """A delivery or task as it stands in the ledger of its context."""

    context: str
    event_id: UUID
    subscription: str
    state: DeliveryState
    paused: bool
    type: str
    version: int
    publisher: str
    position: int
    ordering_key: str
    attempts: int
    next_at: datetime
    reason: str | None
    occurred_at: datetime
    received_at: datetime
    completed_at: datetime | None
    skipped_at: datetime | None
    causation_id: UUID | None
    correlation_id: str | None
    actor: str | None


class FullDeliveryModel(DeliveryModel):
    """A delivery with what it carries and the history of its failures."""

    payload: dict[str, Any]
    errors: list[dict[str, Any]]


class FullEventModel(EventModel):
    """An event with what it carries and what became of it."""

    payload: dict[str, Any]
    deliveries: list[FullDeliveryModel]


class AuditModel(HttpModel):
    """A line of the trail: who did what to whom, from where, and what came of it."""

    context: str
    id: int
    at: datetime
    action: str
    result: str
    """`done`, or the code of the error."""
    actor: str | None
    """An account's id, `cli:<user>`, or null if nobody was logged in."""
    subject_kind: str | None
    subject_id: str | None
    reason: str | None
    affected: int | None
    details: dict[str, Any]
    address: str | None
    user_agent: str | None
    request_id: str | None
    trace_id: str | None


class PausedModel(HttpModel):
    """A subscription or task that stands still."""

    context: str
    subscription: str
    actor: str
    reason: str
    at: datetime


class PausingModel(HttpModel):
    """Whether a subscription stands still now, and whether that is new."""

    subscription: str
    paused: bool
    changed: bool


class ScheduleModel(HttpModel):
    """A schedule with its last and next tick."""

    context: str
    name: str
    cron: str
    zone: str
    catch_up: str
    next_at: datetime | None
    last_at: datetime | None


class OutcomeModel(HttpModel):
    """How the dry run of one delivery ended."""

    context: str
    event_id: UUID
    subscription: str
    verdict: Verdict
    note: str | None


class ChangedModel(HttpModel):
    """What a call has changed. It changes 1,000 rows at most: while something remains, ask again."""

    found: dict[str, dict[str, int]]
    """What there was before, by context and state."""
    changed: int
    remaining: int
    contexts: dict[str, int]
    failed: dict[str, str]
    rehearsed: list[OutcomeModel]
    """Of a dry run only."""


class ReplayedModel(HttpModel):
    """What a replay has carried. It carries 1,000 events at most: while `next_after` is set, ask again."""

    missing: int
    """What the subscription had never had, before."""
    ended: int
    under_way: int
    stopped: bool
    """Whether its feed had expired."""
    elsewhere: bool
    """Whether its publisher lives in another host: then its whole feed is read again, and nothing is counted."""
    changed: int
    remaining: int
    next_after: int | None
    failed: dict[str, str]
    rehearsed: list[OutcomeModel]
    """Of a dry run only."""


class RunModel(HttpModel):
    """The task that a schedule was made to record now; null in a dry run."""

    schedule: str
    task_id: UUID | None
    rehearsed: list[OutcomeModel]


class EmittedModel(HttpModel):
    """The event that was published."""

    event_id: UUID
