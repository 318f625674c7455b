"""Errors that a broken rule raises: their codes are stable, the edge decides which HTTP status they become."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta


class DomainError(Exception):
    """A rule was broken.

    Fix: read `detail`. Nothing raises it without a name of its own today.
    """

    code: str = "domain_error"
    """Part of the public contract: it never changes once shipped (`billing.invoice_already_paid`)."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        """`message` is one sentence for a human and says what to do; `details` are safe to show to the caller."""
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details: Mapping[str, object] = dict(details or {})


class ValidationError(DomainError):
    """A value is well-formed but not acceptable, or the request is not as the route expects it.

    Fix: see `errors`: `field`, `in`, `message`, `code` each.
    """

    code = "validation_failed"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        """`field` names the value as the caller knows it."""
        super().__init__(message, code=code, details={"field": field} if field else None)
        self.field = field


class AuthenticationError(DomainError):
    """Nobody, or nobody we believe, is asking: most often, no access token came along.

    Fix: send `Authorization: Bearer <token>`.
    """

    code = "not_authenticated"


class AuthorizationError(DomainError):
    """We know who is asking, and they may not do this. `details` names the permission that they lack.

    Fix: ask somebody who grants roles.
    """

    code = "not_permitted"


class NotFoundError(DomainError):
    """The thing is not there, or not there for this caller: both look the same from outside.

    Fix: correct the path or the name.
    """

    code = "not_found"


class ConflictError(DomainError):
    """The thing is there, but in a state that forbids this.

    Fix: look at it again; nothing raises it without a name of its own today.
    """

    code = "conflict"


class PreconditionError(DomainError):
    """The thing is not, or no longer, at the version that `If-Match` says. `details` has the version.

    Fix: read it again and decide anew.
    """

    code = "precondition_failed"

    def __init__(self, version: int) -> None:
        super().__init__(
            f"It is at version {version} by now. Read it again, and decide anew.", details={"version": version}
        )


class RetryableError(DomainError):
    """The same request may succeed later. `retry_after` is the shortest sensible wait."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.retry_after = retry_after


class RateLimitError(RetryableError):
    """The caller, a principal or a network, asks too often.

    Fix: wait for `Retry-After`; `RateLimit` says which quota is used up.
    """

    code = "rate_limited"


class UnavailableError(RetryableError):
    """Something we depend on is away or full.

    Fix: wait for `Retry-After`; nothing raises it without a name of its own today.
    """

    code = "unavailable"
