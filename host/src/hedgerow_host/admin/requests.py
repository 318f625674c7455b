"""What the admin API takes: the filters of its lists, and the bodies of its changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from hedgerow_core.application import DEFAULT_LIMIT, MAX_LIMIT
from hedgerow_core.domain import ValidationError
from hedgerow_core.messaging.emission import LARGEST_VERSION
from hedgerow_core.messaging.feed import EventFilter
from hedgerow_core.messaging.selection import DeliveryFilter, DeliveryState
from hedgerow_core.messaging.trail import AuditFilter
from hedgerow_core.persistence.paging import BIGINT
from hedgerow_host.operations.declared import REHEARSED

MAX_IDS = 1_000
MAX_CURSOR_CHARACTERS = 16_384
"""A place in every context's list; that of a feed grows with the transactions that run at the moment."""
LONGEST_WAIT_S = 5.0
"""Shorter than the time that a host gives running requests when it stops."""


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("NUL is not possible here")
    return text


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), AfterValidator(_storable)
]
Ids = Annotated[list[UUID], Field(max_length=MAX_IDS)]
Cursor = Annotated[str | None, Field(max_length=MAX_CURSOR_CHARACTERS, description="`next` of the answer before.")]
PageLimit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description=f"Items a page; {DEFAULT_LIMIT} unless told.")]


class Request(BaseModel):
    """What is not known here is refused, so that no misspelt filter is passed over."""

    model_config = ConfigDict(extra="forbid")


class Choice(Request):
    """Which deliveries or tasks."""

    context: Text | None = None
    ids: Ids = Field(default=[])
    states: list[DeliveryState] = Field(default=[], max_length=len(DeliveryState))
    subscription: Text | None = Field(default=None, description="Name of a subscription or task.")
    type: Text | None = None
    error: Text | None = Field(default=None, description="Part of the reason or of an error's message.")
    since: Moment | None = Field(default=None, description="Received at this moment or later.")
    until: Moment | None = Field(default=None, description="Received before this moment.")

    def filter(self, *, tasks: bool) -> DeliveryFilter:
        """As the ledgers take it."""
        return DeliveryFilter(
            ids=tuple(self.ids),
            states=tuple(self.states),
            subscription=self.subscription,
            type=self.type,
            error=self.error,
            since=self.since,
            until=self.until,
            tasks=tasks,
        )


class DeliveryQuery(Choice):
    """Which page of which deliveries."""

    limit: PageLimit = DEFAULT_LIMIT
    cursor: Cursor = None


class DecisionModel(Choice):
    """What is to be changed, and why. Something must be chosen."""

    why: Reason
    dry_run: bool = Field(default=False, description="Change nothing; say what would happen.")

    def filter(self, *, tasks: bool) -> DeliveryFilter:
        """As the ledgers take it.

        Raises:
            ValidationError: nothing is chosen.
        """
        which = Choice.filter(self, tasks=tasks)
        if not which.chooses:
            raise ValidationError("Say which: give ids, or a filter such as states.", field="ids")
        return which


class RetryModel(DecisionModel):
    """What is to be tried again, and why."""

    limit: int = Field(default=REHEARSED, ge=1, le=MAX_LIMIT, description="How many a dry run tries at most.")


class EventQuery(Request):
    """Which page of which events."""

    context: Text | None = None
    ids: Ids = Field(default=[])
    type: Text | None = None
    aggregate_id: UUID | None = None
    trace: Text | None = Field(default=None, description="Trace of the request that started it.")
    since: Moment | None = Field(default=None, description="Occurred at this moment or later.")
    until: Moment | None = Field(default=None, description="Occurred before this moment.")
    limit: PageLimit = DEFAULT_LIMIT
    cursor: Cursor = None

    def filter(self) -> EventFilter:
        """As the outboxes take it."""
        return EventFilter(
            ids=tuple(self.ids),
            type=self.type,
            aggregate_id=self.aggregate_id,
            correlation_id=self.trace,
            since=self.since,
            until=self.until,
        )


class NewEventsQuery(Request):
    """What became visible behind a place."""

    after: Cursor = None
    context: Text | None = None
    type: Text | None = None
    limit: PageLimit = MAX_LIMIT
    wait_s: float = Field(default=0, ge=0, le=LONGEST_WAIT_S, description="How long to wait for the first one.")


class AuditQuery(Request):
    """Which lines of the trail, and which page of them."""

    context: Text | None = None
    action: Text | None = Field(default=None, description="Exactly this one.")
    result: Text | None = Field(default=None, description="`done`, or the code of an error.")
    actor: Text | None = Field(default=None, description="Who did it: the id of an account, or cli:<user>.")
    subject: Text | None = Field(default=None, description="The id of whom or what it was done to.")
    since: Moment | None = Field(default=None, description="At this moment or later.")
    until: Moment | None = Field(default=None, description="Before this moment.")
    limit: PageLimit = DEFAULT_LIMIT
    cursor: Cursor = None

    def filter(self) -> AuditFilter:
        """As the trails take it."""
        return AuditFilter(
            action=self.action,
            result=self.result,
            actor=self.actor,
            subject=self.subject,
            since=self.since,
            until=self.until,
        )


class EmissionModel(Request):
    """An event to be published by hand."""

    type: Text = Field(description="A hosted context must publish it.")
    payload: dict[str, Any] = Field(description="As its contract says.")
    aggregate_id: UUID
    aggregate_type: Text | None = Field(default=None, description="Unless told, as in its latest event.")
    aggregate_version: int | None = Field(
        default=None, ge=1, le=LARGEST_VERSION, description="Unless told, the latest that is known."
    )
    why: Reason


class ReplayModel(Request):
    """Which events are to be carried again, and why. No filter means all."""

    why: Reason
    dry_run: bool = Field(default=False, description="Change nothing; say what would happen.")
    ids: Ids = Field(default=[])
    aggregate_id: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
    again: bool = Field(default=False, description="Also those that ended: their effects happen again.")
    after: int = Field(default=0, ge=0, le=BIGINT[-1], description="`next_after` of the answer before.")
    limit: int = Field(default=REHEARSED, ge=1, le=MAX_LIMIT, description="How many a dry run tries at most.")

    def filter(self) -> EventFilter:
        """As the outbox takes it."""
        return EventFilter(ids=tuple(self.ids), aggregate_id=self.aggregate_id, since=self.since, until=self.until)


class WhyModel(Request):
    """Why something is paused or resumed."""

    why: Reason


class RunRequestModel(WhyModel):
    """Why a schedule is run now."""

    dry_run: bool = Field(default=False, description="Record nothing; say what would happen.")
