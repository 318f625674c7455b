"""An event that an operator publishes by hand: through the outbox, under its contract, as any other event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pydantic
from pydantic_core import to_json
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import current_cause
from hedgerow_core.domain import Clock, ValidationError, new_id
from hedgerow_core.messaging.actions import Decision, write_down
from hedgerow_core.messaging.events import EventContract
from hedgerow_core.messaging.tables import outbox

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""As it stands in JSON, and not a backslash that only has `u0000` behind it."""
LARGEST_VERSION = 2**31 - 1
"""What a PostgreSQL integer can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emission:
    """What is to be published about which aggregate."""

    contract: type[EventContract]
    payload: Mapping[str, Any]
    aggregate_id: UUID
    aggregate_type: str | None = None
    """None: as in the latest event of the aggregate."""
    aggregate_version: int | None = None
    """None: the latest known of the aggregate. Subscribers drop what is older than what they know."""


_LATEST = text(
    """
    SELECT aggregate_type, aggregate_version FROM outbox
    WHERE aggregate_id = :id ORDER BY aggregate_version DESC, id DESC LIMIT 1
    """
)


async def emit(connection: AsyncConnection, emission: Emission, decision: Decision, clock: Clock) -> UUID:
    """Publish the event; returns its id.

    Raises:
        ValidationError: the payload breaks the contract, or nothing is known of the aggregate and its type and
            version are not given.
    """
    contract = _validated(emission)
    type_, version = await _aggregate(connection, emission)
    cause, event_id = current_cause(), new_id()
    await connection.execute(
        insert(outbox),
        {
            "event_id": event_id,
            "type": contract.event_type,
            "version": contract.event_version,
            "aggregate_type": type_,
            "aggregate_id": emission.aggregate_id,
            "aggregate_version": version,
            "payload": contract.model_dump(mode="json"),
            "occurred_at": clock.now(),
            "traceparent": cause.traceparent,
            "correlation_id": cause.correlation_id,
            "actor": decision.by,
        },
    )
    which = {"ids": [str(event_id)], "type": contract.event_type, "aggregate_id": str(emission.aggregate_id)}
    await write_down(connection, "emit", which, decision, 1)
    return event_id


def _validated(emission: Emission) -> EventContract:
    as_json = to_json(emission.payload)
    if _NUL.search(as_json):
        raise ValidationError("The payload has a NUL, which PostgreSQL can't store: take it out.", field="payload")
    try:
        return emission.contract.model_validate_json(as_json, extra="forbid")
    except pydantic.ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'payload'}: {e['msg']}" for e in error.errors())
        raise ValidationError(
            f"The payload is not as {emission.contract.event_type} promises: {found}.", field="payload"
        ) from error


async def _aggregate(connection: AsyncConnection, emission: Emission) -> tuple[str, int]:
    known = (await connection.execute(_LATEST, {"id": emission.aggregate_id})).one_or_none()
    type_ = emission.aggregate_type or (known.aggregate_type if known else None)
    version = emission.aggregate_version or (known.aggregate_version if known else None)
    if type_ is None or version is None:
        raise ValidationError(
            f"No event of {emission.aggregate_id} is known here: give the aggregate's type and version, too.",
            field="aggregate_id",
        )
    if not 0 < version <= LARGEST_VERSION:
        raise ValidationError("The version of an aggregate is a positive integer.", field="aggregate_version")
    return type_, version
