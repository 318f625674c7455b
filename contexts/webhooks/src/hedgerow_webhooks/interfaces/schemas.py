"""What travels over HTTP. Requests are bounded in every direction; a field that we don't know is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from hedgerow_core.http import HttpModel
from hedgerow_webhooks.application.views import MessageLog, NewEndpoint, NewSecret
from hedgerow_webhooks.domain.endpoint import MAX_DESCRIPTION, EndpointStatus
from hedgerow_webhooks.domain.message import MessageStatus
from hedgerow_webhooks.domain.signing_secret import DEFAULT_OVERLAP, MAX_OVERLAP
from hedgerow_webhooks.domain.target import MAX_URL

_HOUR = timedelta(hours=1)
_MAX_EVENTS = 100
_MAX_TYPE = 200
_NO_NUL = r"^[^\x00]*$"
"""PostgreSQL holds no NUL in a text."""

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL,
        description="https://, a public name, no user, no fragment.",
        examples=["https://hooks.example.org/hedgerow"],
    ),
]
Events = Annotated[
    list[Annotated[str, Field(max_length=_MAX_TYPE)]],
    Field(min_length=1, max_length=_MAX_EVENTS, description="Their types.", examples=[["billing.invoice_paid"]]),
]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION, pattern=_NO_NUL, examples=["Accounting"])]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewEndpointModel(_Request):
    """Where events are to be sent, and which."""

    url: Url
    events: Events
    description: Description = ""


class EndpointPatchModel(_Request):
    """What is to be different; what is absent stays."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: bool | None = Field(default=None, description="Whether messages are sent there.")


class RotationModel(_Request):
    """How long messages carry the signature of the secret before as well."""

    overlap_hours: int = Field(
        default=DEFAULT_OVERLAP // _HOUR,
        ge=0,
        le=MAX_OVERLAP // _HOUR,
        description="24 unless told, 168 at most; 0 ends the old secret at once.",
    )


class RedeliveryModel(BaseModel):
    """From when on what failed is sent again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: AwareDatetime = Field(description="Messages of events from then on, at most 500 at once, oldest first.")


class _Answer(HttpModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class EventTypeModel(_Answer):
    """An event that can be sent."""

    type: str = Field(examples=["billing.invoice_paid"])
    description: str


class EndpointModel(_Answer):
    """An endpoint, without its secret."""

    id: UUID
    owner_id: UUID = Field(description="Whose it is.")
    url: str
    events: Sequence[str]
    description: str
    status: EndpointStatus = Field(description="`failing` and `gone` are our doing; switch it on again by PATCH.")
    failing_since: datetime | None = Field(description="Since when nothing has arrived.")
    created_at: datetime
    version: int = Field(description="Grows with every change.")


class NewEndpointAnswer(EndpointModel):
    """An endpoint that has just been registered."""

    secret: str = Field(description="What messages are signed with. Shown this once.", examples=["whsec_…"])

    @classmethod
    def of(cls, made: NewEndpoint) -> NewEndpointAnswer:
        """The answer that hands the secret out."""
        shown = EndpointModel.model_validate(made.view)
        return cls(**shown.model_dump(), secret=made.secret.reveal())


class NewSecretAnswer(_Answer):
    """Another secret."""

    secret: str = Field(description="What messages are signed with from now on. Shown this once.")
    previous_until: datetime = Field(description="Until then, they carry the signature of the one before as well.")

    @classmethod
    def of(cls, made: NewSecret) -> NewSecretAnswer:
        """The answer that hands it out."""
        return cls(secret=made.secret.reveal(), previous_until=made.previous_until)


class MessageModel(_Answer):
    """A message, and how far it has come."""

    id: UUID
    endpoint_id: UUID
    webhook_id: UUID = Field(description="The header `webhook-id`: the same however often it is sent.")
    type: str = Field(examples=["billing.invoice_paid"])
    status: MessageStatus
    attempts: int = Field(description="How often it was sent.")
    created_at: datetime
    next_attempt_at: datetime | None
    last_status: int | None = Field(description="What the receiver answered last; null if it didn't.")
    last_failure: str | None = Field(description="Why it didn't.")


class AttemptModel(_Answer):
    """One request to the receiver."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    failure: str | None
    answer: str = Field(description="The first 1,024 bytes of what came back.")


class MessageLogModel(MessageModel):
    """A message, what is in it, and every request."""

    body: JsonValue
    log: Sequence[AttemptModel] = Field(description="Oldest first.")

    @classmethod
    def of(cls, found: MessageLog) -> MessageLogModel:
        """The answer that shows it."""
        shown = MessageModel.model_validate(found.message)
        log = [AttemptModel.model_validate(attempt) for attempt in found.log]
        return cls(**shown.model_dump(), body=json.loads(found.body), log=log)


class RedeliveredModel(_Answer):
    """How many are sent again."""

    messages: int
