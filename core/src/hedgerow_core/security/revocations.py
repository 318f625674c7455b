"""Which access tokens have been called back, as somebody has read it: a snapshot that answers from memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import final
from uuid import UUID

from hedgerow_core.domain import UnavailableError
from hedgerow_core.security.principal import Principal

BELIEVED_FOR_S = 5.0
"""What was read holds so long at most. After that nobody knows who has been shut out meanwhile."""
EVERYBODY = UUID(int=0)
"""The id under which all access tokens are called back at once."""


@final
@dataclass(frozen=True, slots=True)
class Revocations:
    """What was read at one moment. Asking costs three look-ups in a dictionary."""

    not_before: Mapping[UUID, float]
    """By account or session, or `EVERYBODY`: tokens that were issued before (seconds since 1970) are refused."""
    read_at: float
    """When the reading began, by `time.monotonic`."""

    def concern(self, principal: Principal, issued_at: float) -> bool:
        """Whether a token of that time is no longer good, for its session's, its account's or everybody's sake."""
        of_subject = self.not_before.get(principal.subject, 0.0)
        of_session = self.not_before.get(principal.session, 0.0) if principal.session else 0.0
        return issued_at < max(of_subject, of_session, self.not_before.get(EVERYBODY, 0.0))

    def are_fresh(self, now: float) -> bool:
        """Whether they may still be gone by, at this time of `time.monotonic`."""
        return now - self.read_at <= BELIEVED_FOR_S


NEVER_READ = Revocations({}, float("-inf"))

RevocationReader = Callable[[], Revocations]
"""What an issuer's `is_revoked` goes by at this moment. Answers from memory."""


@final
class IdentityUnknown(UnavailableError):
    """Whoever vouches for this caller lives on another host, which has not been heard for 5 s, or not yet; or
    too many keys that nobody knows are asked about at once.

    Fix: wait for `Retry-After`; operators: `identity_unheard` in the log.
    """

    code = "identity_unknown"

    def __init__(self) -> None:
        super().__init__(
            "Who you are can't be checked right now: the host that knows does not answer. Try again shortly.",
            retry_after=timedelta(seconds=1),
        )
