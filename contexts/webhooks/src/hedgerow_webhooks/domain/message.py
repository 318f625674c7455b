"""What becomes of a message: one event on its way to one endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAX_KEPT_ANSWER = 1024
"""Bytes of an answer that are kept for its owner to look at."""


class MessageStatus(StrEnum):
    """How far it has come."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Every attempt was made, or the endpoint was switched off meanwhile."""


class Failure(StrEnum):
    """Why there was no answer, as much as may be told: never an address that we have found."""

    FORBIDDEN_ADDRESS = "forbidden_address"
    """Where the name leads, nothing is sent."""
    NAME_NOT_FOUND = "name_not_found"
    NOT_CONNECTED = "not_connected"
    """Nobody listens, or no certificate that can be believed."""
    TOO_SLOW = "too_slow"
    CUT_OFF = "cut_off"
    """The connection broke, or what came was no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of sending once. Either there is a status, or a failure."""

    at: datetime
    took: timedelta
    status: int | None = None
    failure: Failure | None = None
    answer: str = ""
    """The first bytes of what was answered."""

    @property
    def arrived(self) -> bool:
        """Only 2xx says so. A redirect does not, and is not followed."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """410: the receiver wants nothing more (Standard Webhooks 1.0)."""
        return self.status == 410
