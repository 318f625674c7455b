"""Who reads right now, and what they have written: a replica must not answer them with less (ADR 0046)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, final

if TYPE_CHECKING:
    from hedgerow_core.persistence.address import DatabaseAddress


@final
class Reader:
    """Whoever a request is answered for."""

    __slots__ = ("has_written", "wrote_at")

    def __init__(self, wrote_at: float | None = None) -> None:
        self.wrote_at = wrote_at
        """When they have last committed something, by the primary's clock in seconds; None if that was long ago."""
        self.has_written = False
        """While this request is answered."""

    def writes(self, at: float) -> None:
        """They have just committed something."""
        self.wrote_at = at if self.wrote_at is None else max(at, self.wrote_at)
        self.has_written = True


class ReadReplica(Protocol):
    """What a database must know of a replica."""

    @property
    def address(self) -> DatabaseAddress:
        """Where it is."""
        ...

    def has(self, wrote_at: float | None) -> bool:
        """Whether whatever was committed until this moment is there, and not much is missing of what came later."""
        ...

    def primary_now(self) -> float:
        """The time of the primary's clock, or a little later."""
        ...

    def failed(self) -> None:
        """It did not answer: nobody asks it until it was looked at again."""
        ...

    def count(self, context: str, outcome: str) -> None:
        """Note who has answered a read of the context."""
        ...


_current: ContextVar[Reader | None] = ContextVar("hedgerow_reader", default=None)


def current_reader() -> Reader | None:
    """Who reads; None where nobody is known, as in a worker: then only the primary answers."""
    return _current.get()


@contextmanager
def reading_for(reader: Reader | None) -> Iterator[None]:
    """Name who reads, for what runs inside; None for whoever must see all that is committed."""
    token = _current.set(reader)
    try:
        yield
    finally:
        _current.reset(token)
