"""Builds of the host that are broken on purpose where too much comes at once, or somebody leaves; see `mutants`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

KEPT: list[Any] = []
"""What a mutant has not given back: without a reference, the collector would."""


def waits_for_connections() -> None:
    """Whoever finds no connection of the database free waits for one, and for long."""
    from hedgerow_core.persistence import Database

    defaults = Database.__init__.__kwdefaults__
    assert "pool_wait_s" in defaults, "the mutant must follow the product"
    defaults["pool_wait_s"] = 5.0


def keeps_connections() -> None:
    """A connection is given back by who comes to the end, and not by who is broken off or fails."""
    from hedgerow_core.persistence import database

    sound = database.opened

    @asynccontextmanager
    async def opened(engine: Any) -> AsyncIterator[Any]:
        giving_back = sound(engine)
        KEPT.append(giving_back)
        connection = await giving_back.__aenter__()
        yield connection
        await giving_back.__aexit__(None, None, None)

    database.opened = opened


OVERLOAD_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant for mutant in (waits_for_connections, keeps_connections)
}
