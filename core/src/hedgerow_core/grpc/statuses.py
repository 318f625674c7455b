"""Every error leaves as a status with details (google.rpc.Status); nothing internal leaves at all.

`ErrorInfo.reason` is the same stable code as over HTTP. AIP-193 would have it in capitals; one name is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


def refusal_of(error: DomainError, *, request_id: str, trace_id: str) -> Refusal:
    """How a broken rule is told."""
    status = next(GRPC_STATUS_OF[kind] for kind in type(error).__mro__ if kind in GRPC_STATUS_OF)
    return refusal(status, error.code, error.message, request_id, trace_id, error)


def unforeseen(request_id: str, trace_id: str) -> Refusal:
    """How a defect of ours is told."""
    message = "Something went wrong on our side. Quote the trace id when you report it."
    return refusal(grpc.StatusCode.INTERNAL, "internal_error", message, request_id, trace_id)


def too_slow(longest_s: float, request_id: str, trace_id: str) -> Refusal:
    """How the end of our own patience is told."""
    message = f"This took longer than {longest_s:g} s. Try again later, and set a deadline of your own."
    return refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "call_too_slow", message, request_id, trace_id)


def refusal(
    status: grpc.StatusCode,
    code: str,
    message: str,
    request_id: str,
    trace_id: str,
    error: DomainError | None = None,
) -> Refusal:
    """A refusal with all that is known about it."""
    told = Status(code=status.value[0], message=message)
    about = [
        ErrorInfo(reason=code, domain=DOMAIN, metadata=_in_words(error)),
        RequestInfo(request_id=request_id, serving_data=trace_id),
        *(_beside(error) if error is not None else ()),
    ]
    for one in about:
        told.details.add().Pack(one)
    if told.ByteSize() > MOST_DETAIL_BYTES:
        del told.details[2:]
        told.details[0].Pack(ErrorInfo(reason=code, domain=DOMAIN))
    metadata: list[tuple[str, str | bytes]] = [(DETAILS, told.SerializeToString())]
    if isinstance(error, RetryableError):
        metadata.append(("retry-after", str(math.ceil(error.retry_after.total_seconds()))))
    return Refusal(status=status, message=message, metadata=tuple(metadata))


def _in_words(error: DomainError | None) -> Mapping[str, str]:
    return {name: str(value) for name, value in error.details.items()} if error is not None else {}


def _beside(error: DomainError) -> Iterator[Message]:
    if isinstance(error, ValidationError) and error.field:
        yield BadRequest(field_violations=[{"field": error.field, "description": error.message}])
    if isinstance(error, RetryableError):
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        yield RetryInfo(retry_delay=delay)
