"""Every error leaves as a status with details (google.rpc.Status); nothing internal leaves at all.

`ErrorInfo.reason` is the same stable code as over HTTP. AIP-193 would have it in capitals; one name is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from hedgerow_core.domain import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    DomainError,
    NotFoundError,
    PreconditionError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from hedgerow_core.domain.errors import RetryableError

GRPC_STATUS_OF: Mapping[type[DomainError], grpc.StatusCode] = {
    AuthenticationError: grpc.StatusCode.UNAUTHENTICATED,
    AuthorizationError: grpc.StatusCode.PERMISSION_DENIED,
    NotFoundError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.FAILED_PRECONDITION,
    PreconditionError: grpc.StatusCode.ABORTED,
    ValidationError: grpc.StatusCode.INVALID_ARGUMENT,
    RateLimitError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnavailableError: grpc.StatusCode.UNAVAILABLE,
    DomainError: grpc.StatusCode.FAILED_PRECONDITION,
}
"""Which status a broken rule becomes; a derived error takes its nearest ancestor's."""
DOMAIN = "hedgerow"
"""Whose codes these are."""
DETAILS = "grpc-status-details-bin"
MOST_DETAIL_BYTES = 4096
"""Metadata of more than 8 KiB may be refused on the way, and then nobody learns anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a call ends that is not answered."""

    status: grpc.StatusCode
    message: str
    metadata: tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class CallName:
    """What a call is known by, in our log and in whatever it sets going."""

    request_id: str
    trace_id: str


def refusal_of(error: DomainError, call: CallName | None = None) -> Refusal:
    """How a broken rule is told."""
    status = next(GRPC_STATUS_OF[kind] for kind in type(error).__mro__ if kind in GRPC_STATUS_OF)
    return refusal(status, code=error.code, message=error.message, call=call, beside=_beside(error))


def unforeseen(call: CallName) -> Refusal:
    """How a defect of ours is told."""
    message = f"Something went wrong on our side. Quote the trace id {call.trace_id} when you report it."
    return refusal(grpc.StatusCode.INTERNAL, code="internal_error", message=message, call=call)


def too_slow(longest_s: float, call: CallName) -> Refusal:
    """How the end of our own patience is told."""
    message = f"This took longer than {longest_s:g} s. Try again later, and set a deadline of your own."
    return refusal(grpc.StatusCode.DEADLINE_EXCEEDED, code="call_too_slow", message=message, call=call)


def refusal(
    status: grpc.StatusCode,
    *,
    code: str,
    message: str,
    call: CallName | None = None,
    beside: Beside | None = None,
) -> Refusal:
    """A refusal with all that is known about it."""
    beside = beside or Beside()
    told = Status(code=status.value[0], message=message)
    told.details.add().Pack(ErrorInfo(reason=code, domain=DOMAIN, metadata=beside.words))
    if call is not None:
        told.details.add().Pack(RequestInfo(request_id=call.request_id, serving_data=call.trace_id))
    for detail in beside.details:
        told.details.add().Pack(detail)
    if told.ByteSize() > MOST_DETAIL_BYTES:
        del told.details[1:]
        told.details[0].Pack(ErrorInfo(reason=code, domain=DOMAIN))
    return Refusal(status=status, message=message, metadata=((DETAILS, told.SerializeToString()), *beside.metadata))


@dataclass(frozen=True, slots=True)
class Beside:
    """What an error tells besides code and message."""

    words: Mapping[str, str] = field(default_factory=dict)
    details: tuple[Message, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()


def _beside(error: DomainError) -> Beside:
    words = {name: str(value) for name, value in error.details.items()}
    if isinstance(error, ValidationError) and error.field:
        violation = BadRequest.FieldViolation(field=error.field, description=error.message)
        return Beside(words, (BadRequest(field_violations=[violation]),))
    if isinstance(error, RetryableError):
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        waits = str(math.ceil(error.retry_after.total_seconds()))
        return Beside(words, (RetryInfo(retry_delay=delay),), (("retry-after", waits),))
    return Beside(words)
