"""How far a move is, as both sides remember it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move import fence
from hedgerow_host.extraction.move.following import waiting
from hedgerow_host.extraction.move.sides import Side, connected
from hedgerow_host.extraction.move.stage import Stage
from hedgerow_host.extraction.move.state import Move, move_of

OPEN, CLOSED, AWAY = "takes writes", "takes no writes", "does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What there is to say about a move."""

    context: str
    source: str
    target: str
    finished: str
    """The last stage that is finished, or `nothing`."""
    since: datetime
    at_source: str
    at_target: str
    waiting: int | None
    """Changes that the side which takes no writes has not got yet. None if one side does not answer."""


async def status_of(context: str, source: DatabaseAddress, target: DatabaseAddress) -> Status:
    """Look at both sides. Changes nothing.

    Raises:
        HostError: no move of this context is under way.
    """
    async with connected(source) as here:
        move = await move_of(here, context)
        if move is None:
            raise HostError(
                f"no move of {context} is under way",
                fix="begin one: hedgerow extract run CONTEXT --to postgresql://user:password@host:5432/database",
                code=ExitCode.CHECK_FAILED,
            )
        try:
            async with connected(target) as there:
                return await _told(move, here, there)
        except UnavailableError:
            return await _told(move, here, None, target)


async def remembered_target(context: str, source: DatabaseAddress) -> str | None:
    """Where the context moves to, without a password; None if it does not move."""
    async with connected(source) as here:
        move = await move_of(here, context)
        return move.other_side if move else None


async def _told(move: Move, here: Side, there: Side | None, target: DatabaseAddress | None = None) -> Status:
    context = move.context
    behind = None
    if there is not None and move.has(Stage.COPY):
        forward = not await fence.is_open(there, context)
        behind = await waiting(here, there, context) if forward else await waiting(there, here, context)
    return Status(
        context=context,
        source=here.place,
        target=there.place if there is not None else target.place if target is not None else "",
        finished=move.stage or "nothing",
        since=move.changed_at,
        at_source=await _fence(here, context),
        at_target=await _fence(there, context) if there is not None else AWAY,
        waiting=behind,
    )


async def _fence(side: Side, context: str) -> str:
    return OPEN if await fence.is_open(side, context) else CLOSED
