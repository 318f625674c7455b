"""Demo data: what a context's seed is given, what it tells, and the ids by which seeds find each other's things.

A seed makes its data as anybody else would, through the context's own commands. It runs any number of times: what
is there stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid5

_DEMO = UUID("0192f5e0-7c1e-7e6d-9a51-64656d6f6964")
"""Namespace (RFC 9562 §5.5) of the ids of demo data."""

SETTLES_WITHIN = timedelta(seconds=60)
"""Thousands of deliveries; who makes more says so."""


def demo_id(kind: str, number: int) -> UUID:
    """The id of a piece of demo data, the same on every host: `demo_id("users.account", 1)`.

    `kind` begins with the name of the context that makes it. What it numbers how is part of what it promises.
    """
    return uuid5(_DEMO, f"{kind}:{number}")


class Seeding(Protocol):
    """What a seed may know and ask for, besides container and bus."""

    @property
    def environment(self) -> str:
        """dev, test or prod. A password that others know is set in `dev` alone."""
        ...

    async def settle(self, *, within: timedelta = SETTLES_WITHIN) -> None:
        """Wait until all events that were published until now have been delivered, and all tasks done that are due.

        What is dead, paused or due later is not waited for. Before each seed and after the last one the host does
        this by itself. Not to be called inside a transaction.

        Raises:
            Exception: it took longer; ends the command with a message.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What became of one kind of demo data."""

    what: str
    """In the plural: `accounts`."""
    made: int
    kept: int
    """How many were there already."""
    note: str = ""
    """What somebody needs to know to use it. Never a secret: it is printed."""


Seed = Callable[[Seeding], Awaitable[Sequence[Seeded]]]
"""Makes a context's demo data."""
