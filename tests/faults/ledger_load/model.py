"""What is true of a ledger, whatever it says itself: what was committed, and what operators gave up."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(slots=True)
class Model:
    """What is true, whatever the ledger says."""

    committed: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)
    """By event: its key and number."""
    given_up: set[UUID] = field(default_factory=set)
    """What an operator let others pass at some time: its place in the order is lost."""
    abandoned: set[UUID] = field(default_factory=set)
    """What nobody waits for: given up, and not brought back since. What is brought back may die once more, and
    then its followers wait for it again."""

    def decided(self, event: UUID, *, retried: bool) -> None:
        """An operator's decision about this event has changed something."""
        if retried:
            self.abandoned.discard(event)
        else:
            self.abandoned.add(event)
            self.given_up.add(event)

    def next_number(self, key: UUID) -> int:
        return 1 + max((number for of, number in self.committed.values() if of == key), default=0)

    def complaints(self, effects: list[tuple[UUID, UUID, int]]) -> list[str]:
        """What is wrong with these effects: event, key, number, in their order."""
        said: list[str] = []
        done: set[UUID] = set()
        for event, key, number in effects:
            if self.committed.get(event) != (key, number):
                said.append(f"ghost: {event}, {number} of {key}")
            if event in done:
                said.append(f"duplicate: {number} of {key}")
            done.add(event)
            said += [
                f"reordered: {number} of {key} before {earlier}"
                for other, (of, earlier) in self.committed.items()
                if of == key and earlier < number and other not in done | self.given_up
            ]
        return said
