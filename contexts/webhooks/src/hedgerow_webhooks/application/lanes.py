"""Keeps slow receivers from holding up everybody else: so many requests at once in a process, and fewer an owner.

A worker has eight drains for all contexts. Whoever finds no lane free leaves its drain at once, and comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final
from uuid import UUID

MOST_AT_ONCE = 4
"""Half of the drains: the other half is left for what the house itself has to do."""
MOST_OF_AN_OWNER = 2


@final
class Lanes:
    """Belongs to one event loop, on which nothing of this is interrupted."""

    def __init__(self, *, most: int = MOST_AT_ONCE, most_of_an_owner: int = MOST_OF_AN_OWNER) -> None:
        self._most = most
        self._most_of_an_owner = most_of_an_owner
        self._taken: Counter[UUID] = Counter()

    @contextmanager
    def lane(self, owner_id: UUID) -> Iterator[bool]:
        """Take one while the body runs; False if none is free for this owner."""
        if self._taken.total() >= self._most or self._taken[owner_id] >= self._most_of_an_owner:
            yield False
            return
        self._taken[owner_id] += 1
        try:
            yield True
        finally:
            self._taken[owner_id] -= 1
            if not self._taken[owner_id]:
                del self._taken[owner_id]
