"""The way from an asker to whoever answers: in one process a call (`Answering`), else HTTP (`RemoteAnswering`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuery:
    """A question as it travels: nothing in it belongs to one process."""

    query: str
    version: int
    asker: str
    """The context that asks."""
    parameters: bytes
    """JSON."""
    deadline: timedelta
    """How long the asker waits."""
    actor: str | None
    """The principal at the beginning of the story, as far as known. It is written down, and gives no rights."""
    correlation_id: str | None
    causation_id: UUID | None
    traceparent: str | None


class Transport(Protocol):
    """Carries a question to one published query, and the reply back. The asker keeps the time."""

    async def __call__(self, asked: AskedQuery, /) -> bytes:
        """The reply, as `replies` writes it.

        Raises:
            UnavailableError: there is no way to whoever answers.
        """
        ...
