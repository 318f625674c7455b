"""Aggregates: the unit that is loaded, changed and saved whole, and that says what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from hedgerow_core.domain.entity import Entity
from hedgerow_core.domain.errors import PreconditionError

Versions = frozenset[int]
"""The versions that somebody's change may begin from, because they have seen them."""

Id = TypeVar("Id", bound=UUID)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """A fact of the past, named in the past tense. Derive one frozen dataclass per fact."""


class AggregateRoot(Entity[Id]):
    """The entrance to a cluster of objects that change together.

    `version` counts saved changes and is the optimistic lock: saving demands that the row still has it.
    Events are recorded where the fact happens and leave with the transaction that saves the aggregate.
    """

    __slots__ = ("_events", "_version")

    def __new__(cls, *args: object, **kwargs: object) -> AggregateRoot[Id]:
        if cls.__module__ == __name__:
            raise TypeError("AggregateRoot is a building block: derive a named class from it")
        return super().__new__(cls, *args, **kwargs)  # type: ignore[return-value]

    def __init__(self, id: Id, *, version: int = 0) -> None:
        super().__init__(id)
        self._version = version
        self._events: list[DomainEvent] = []

    @property
    def version(self) -> int:
        """How many changes of this aggregate are saved; 0 is never saved."""
        return self._version

    def demand_version(self, expected: Versions | None) -> None:
        """Go on only from a version that the caller has seen; None means from any.

        Atomic with the change, because saving demands that the row still has the version that was loaded.

        Raises:
            PreconditionError: it is at another one.
        """
        if expected is not None and self._version not in expected:
            raise PreconditionError(self._version)

    def record(self, event: DomainEvent) -> None:
        """Remember a fact, to be published if and only if the change is saved."""
        self._events.append(event)

    def saved_as(self, version: int) -> tuple[DomainEvent, ...]:
        """Called by the repository once the row is written: takes the new version, hands over the events."""
        self._version = version
        events, self._events = tuple(self._events), []
        return events
