"""Compares what was published with what took effect: nothing lost, invented, doubled, reordered or stuck.

Pure: it reads no clock and no database. Each class of its verdict has a history made by hand that turns it red.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from uuid import UUID


class Answer(StrEnum):
    """What the publisher was told about its commit."""

    ACKNOWLEDGED = "acknowledged"
    UNKNOWN = "unknown"
    """The answer was lost: both outcomes are right, but only one of them in all subscriptions."""
    REFUSED = "refused"
    """Rolled back: it must never take effect."""


@dataclass(frozen=True, slots=True)
class Publish:
    """One attempt to publish number `number` of a key. Numbers of a key grow in the order of its commits."""

    key: UUID
    number: int
    answer: Answer = Answer.ACKNOWLEDGED
    event_id: UUID | None = None
    """None if the publisher was not told it: then key and number say which event is meant."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One row that a handler committed. Effects are given in the order of their identity column."""

    subscription: str
    event_id: UUID
    key: UUID
    number: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many events, counted once a subscription, fell into each class."""

    ok: int = 0
    lost: int = 0
    """Published, no effect, and nothing is left that would bring one."""
    ghost: int = 0
    """Took effect, but was never committed."""
    duplicate: int = 0
    reordered: int = 0
    """Took effect after a later one of its key."""
    stuck: int = 0
    """No effect yet, though a delivery is still there."""

    @property
    def clean(self) -> bool:
        """Whether everything is ok."""
        return not (self.lost or self.ghost or self.duplicate or self.reordered or self.stuck)

    @property
    def counts(self) -> str:
        """All classes in one line."""
        return ", ".join(f"{getattr(self, each.name)} {each.name}" for each in fields(self))

    def __str__(self) -> str:
        return f"{'green' if self.clean else 'RED'}: {self.counts}"


@dataclass(frozen=True, slots=True)
class Measured:
    """The finding of an experiment that counts no events: a latency, a hash, a machine without a counterexample."""

    clean: bool
    line: str

    def __str__(self) -> str:
        return f"{'green' if self.clean else 'RED'}: {self.line}"


def judge(
    published: Sequence[Publish],
    effects: Sequence[Effect],
    *,
    subscriptions: Collection[str] = (),
    unfinished: Collection[UUID] = frozenset(),
) -> Verdict:
    """Classify everything. `unfinished` are the events that still have a delivery in an open state.

    Without `subscriptions`, those that had an effect are meant; name them where one may have had none.
    """
    possible = _possible(published)
    genuine = [effect for effect in effects if _is_genuine(effect, possible)]
    seen_somewhere = {(effect.key, effect.number) for effect in genuine}
    acknowledged = {(each.key, each.number) for each in published if each.answer is Answer.ACKNOWLEDGED}
    ids = {(each.key, each.number): each.event_id for each in published if each.answer is not Answer.REFUSED}
    ids |= {(effect.key, effect.number): effect.event_id for effect in genuine}
    names = set(subscriptions) or {effect.subscription for effect in effects} or {"(none)"}
    ok = lost = duplicate = reordered = stuck = 0
    for name in names:
        first, repeated = _first_of_each(effect for effect in genuine if effect.subscription == name)
        missing = (acknowledged | seen_somewhere) - set(first)
        waiting = {place for place in missing if ids.get(place) in unfinished}
        late = _count_late(first)
        ok += len(first) - late
        lost += len(missing) - len(waiting)
        duplicate += repeated
        reordered += late
        stuck += len(waiting)
    return Verdict(ok, lost, len(effects) - len(genuine), duplicate, reordered, stuck)


Place = tuple[UUID, int]


def _possible(published: Sequence[Publish]) -> dict[Place, set[UUID | None]]:
    """By key and number: the events that may have been committed there."""
    possible: dict[Place, set[UUID | None]] = {}
    for each in published:
        if each.answer is not Answer.REFUSED:
            possible.setdefault((each.key, each.number), set()).add(each.event_id)
    return possible


def _is_genuine(effect: Effect, possible: dict[Place, set[UUID | None]]) -> bool:
    ids = possible.get((effect.key, effect.number), set())
    return None in ids or effect.event_id in ids


def _first_of_each(effects: Iterable[Effect]) -> tuple[list[Place], int]:
    """Each event where it took effect first, and how many effects repeat one."""
    first: dict[Place, None] = {}
    repeated = 0
    for effect in effects:
        place = (effect.key, effect.number)
        repeated += place in first
        first.setdefault(place)
    return list(first), repeated


def _count_late(places: Iterable[Place]) -> int:
    highest: dict[UUID, int] = {}
    late = 0
    for key, number in places:
        late += number < highest.get(key, number)
        highest[key] = max(number, highest.get(key, number))
    return late
