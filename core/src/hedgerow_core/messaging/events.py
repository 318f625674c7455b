"""Events as they travel: a payload under a contract, inside an envelope that says where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class EventContract(BaseModel):
    """The published shape of one event type, in primitives only. Other contexts know it by name and schema.

    `event_type` is `{context}.{past_tense}`; `event_version` grows when a field goes or changes its meaning.
    """

    model_config = ConfigDict(frozen=True)

    event_type: ClassVar[str]
    event_version: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a handler may know about the delivery it works on, besides the payload."""

    event_id: UUID
    """Identity of the event or task: the same on every attempt."""
    type: str
    version: int
    publisher: str
    position: int
    aggregate_id: UUID | None
    aggregate_version: int | None
    """Grows with each saved change of the aggregate: compare it to drop what is older than what you know."""
    occurred_at: datetime
    correlation_id: str | None
    actor: str | None
    attempt: int
    """1 on the first try."""
