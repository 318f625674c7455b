"""How an answer travels, or the error that takes its place: as JSON, in one process as between two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Generic

from pydantic import BaseModel
from pydantic_core import to_json

from hedgerow_core.application.questions import Answer, InvalidParameters
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
from hedgerow_core.questions.contracts import AnswerContract

_KINDS: Mapping[str, type[DomainError]] = {
    "invalid_parameters": InvalidParameters,
    "validation": ValidationError,
    "authentication": AuthenticationError,
    "authorization": AuthorizationError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "precondition": PreconditionError,
    "rate_limit": RateLimitError,
    "unavailable": UnavailableError,
    "retryable": RetryableError,
    "domain": DomainError,
}
"""What an error is called while it travels: never rename one. An error takes the name of its nearest ancestor."""
_NAMES = {kind: name for name, kind in _KINDS.items()}

MOST_BYTES = 1024 * 1024
"""Of parameters, and of a reply. In one process, too, so that what goes there goes everywhere."""
FAILED = b"{}"
"""Neither an answer nor an error: something unforeseen, of which the publisher's log alone tells."""


class TravellingError(BaseModel):
    """A domain error without its class."""

    kind: str
    code: str
    message: str
    details: dict[str, Any] = {}
    retry_after_s: float = 0

    def arrived(self) -> DomainError:
        """The error as the asker meets it. One of a kind that is not known here is a `DomainError`."""
        kind = _KINDS.get(self.kind, DomainError)
        if issubclass(kind, ValidationError):
            return kind(self.message, field=self.details.get("field"), code=self.code)
        if issubclass(kind, PreconditionError):
            return kind(self.details["version"])
        if issubclass(kind, RetryableError):
            wait = timedelta(seconds=self.retry_after_s)
            return kind(self.message, retry_after=wait, code=self.code, details=self.details)
        return kind(self.message, code=self.code, details=self.details)


class Reply(BaseModel, Generic[Answer]):
    """What comes back, with the answer as the asker reads it."""

    answer: Answer | None = None
    error: TravellingError | None = None


class TooLarge(ValueError):
    """An answer that no host would carry."""


def reply_with(answer: AnswerContract) -> bytes:
    """The reply that carries an answer.

    Raises:
        TooLarge: it has more than `MOST_BYTES`.
    """
    reply = b'{"answer":' + answer.model_dump_json().encode() + b"}"
    if len(reply) > MOST_BYTES:
        raise TooLarge(f"the answer has {len(reply)} bytes, and may have {MOST_BYTES}; publish a query that pages")
    return reply


def reply_with_error(error: DomainError) -> bytes:
    """The reply that carries the error."""
    name = next(_NAMES[kind] for kind in type(error).__mro__ if kind in _NAMES)
    wait = error.retry_after.total_seconds() if isinstance(error, RetryableError) else 0
    told = {"kind": name, "code": error.code, "message": error.message, "details": error.details}
    return to_json({"error": {**told, "retry_after_s": wait}}, serialize_unknown=True)
