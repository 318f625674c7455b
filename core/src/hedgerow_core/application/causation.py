"""Why something happens: the request or delivery that is being worked on right now, and who set it going."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Where the current work comes from. Recorded with every event, so that a story can be read backwards."""

    correlation_id: str | None = None
    """The trace that everything of one story shares."""
    causation_id: UUID | None = None
    """The event or task whose handling is the direct cause; None when a request is."""
    actor: str | None = None
    """The principal who asked, as far as known."""
    traceparent: str | None = None
    """The same trace with the step of it that we are in, as W3C Trace Context writes it."""
    request_id: str | None = None
    address: str | None = None
    """From where the request came, as far as we trust what says so."""
    user_agent: str | None = None
    """What the caller calls itself, cut short. Only requests have these three: nothing passes them on."""


NOBODY = Cause()
_current: ContextVar[Cause] = ContextVar("hedgerow_cause", default=NOBODY)


def current_cause() -> Cause:
    """What the running code was caused by."""
    return _current.get()


def set_cause(cause: Cause) -> None:
    """Name the cause for the rest of the current asyncio task (a request lives in a task of its own)."""
    _current.set(cause)


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    """Name the cause of what runs inside."""
    token = _current.set(cause)
    try:
        yield
    finally:
        _current.reset(token)
