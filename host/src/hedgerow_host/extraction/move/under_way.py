"""A move under way: both sides connected, and claimed, so that nobody else moves the same context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move.ending import roll_back
from hedgerow_host.extraction.move.sides import claim, connected, demand_another_database
from hedgerow_host.extraction.move.stages import Mover
from hedgerow_host.extraction.move.state import move_of
from hedgerow_host.settings import HostSettings


@asynccontextmanager
async def moving(
    context: str,
    settings: HostSettings,
    source: DatabaseAddress,
    target: DatabaseAddress,
    tell: Callable[[str], None],
) -> AsyncIterator[Mover]:
    """Both sides connected and claimed, for as long as the body runs.

    Raises:
        UnavailableError: one of the databases is away.
        HostError: somebody else moves this context.
    """
    async with connected(source) as here, connected(target) as there:
        await demand_another_database(here, there)
        for side in (here, there):
            await claim(side, context)
        yield Mover(context, settings, here, there, tell)


async def taken_back(
    context: str,
    settings: HostSettings,
    source: DatabaseAddress,
    target: DatabaseAddress,
    tell: Callable[[str], None],
) -> list[str]:
    """Take the move back, and say what that was.

    Raises:
        HostError: there is no move, or it can't be taken back now.
        UnavailableError: one of the databases is away.
    """
    async with moving(context, settings, source, target, tell) as mover:
        move = await move_of(mover.source, context) or await move_of(mover.target, context)
        if move is None:
            raise HostError(
                f"no move of {context} is under way",
                fix="there is nothing to take back",
                code=ExitCode.CHECK_FAILED,
            )
        return await roll_back(mover.source, mover.target, move)
