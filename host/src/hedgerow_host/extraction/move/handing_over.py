"""The switch: one side stops, the last changes are carried, the other one goes on. The way back is the same.

Nobody writes from the moment that the closing side is closed until the opening one opens. Until the point of no
return the closed side opens by itself after some seconds, so that a mover that dies here stops nobody for long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from hedgerow_core.persistence.moving import EXTRACTION
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move import fence
from hedgerow_host.extraction.move.following import follow, forget
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.tables import MovedTable, sequences_of

STANDSTILL_S = 5.0
"""After so long the closed side opens again, unless all has been carried."""
SMALL_ENOUGH = 500
"""Changed keys that are left to the moment when everybody waits."""
TRIES = 20

# What is claimed goes back, and its attempt does not count: whoever holds it can't write any more. The new token
# fences them, too, should this side open again. A lease is given back, so that nobody waits for its end.
_GIVE_BACK = (
    """
    UPDATE "{context}".delivery_partitions SET token = token + 1, owner = NULL, expires_at = '-infinity'
    WHERE expires_at > '-infinity'
    """,
    """
    UPDATE "{context}".deliveries SET state = 'pending', attempts = attempts - 1, owner = NULL
    WHERE state = 'processing'
    """,
    """
    UPDATE "{context}".feed_cursors SET term = term + 1, holder = NULL, expires_at = '-infinity'
    WHERE expires_at > '-infinity'
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """How a switch went."""

    standstill_s: float
    """From the first write that was refused to the first that could succeed elsewhere, at most."""
    carried: int
    """Keys that were carried while everybody waited."""


async def hand_over(closing: Side, opening: Side, context: str, tables: Sequence[MovedTable]) -> HandedOver:
    """Let the opening side go on where the closing one stops. To be repeated when it was cut off.

    Raises:
        HostError: it can't be done now; the closing side takes writes again.
    """
    if await fence.is_closed_for_good(closing, context) and await fence.is_open(opening, context):
        return HandedOver(standstill_s=0.0, carried=0)  # cut off right behind the last step
    await _catch_up(closing, opening, context, tables)
    started = time.monotonic()
    await fence.close_for(closing, context, STANDSTILL_S)
    try:
        try:
            async with asyncio.timeout(STANDSTILL_S):
                carried = await _drain(closing, opening, context, tables)
        except TimeoutError:
            raise fence.too_slow(closing, context) from None
        await fence.close_for_good(closing, context)
    except BaseException:
        await fence.open_up(closing, context)
        raise
    await fence.open_up(opening, context)
    return HandedOver(standstill_s=time.monotonic() - started, carried=carried)


async def _catch_up(closing: Side, opening: Side, context: str, tables: Sequence[MovedTable]) -> None:
    for _ in range(TRIES):
        if (await follow(closing, opening, context, tables)).size <= SMALL_ENOUGH:
            return
        await forget(closing, opening, context)
    raise HostError(
        f"{context} is written to faster than its changes are carried",
        fix="run this again when less is written",
        code=ExitCode.CHECK_FAILED,
    )


async def _drain(closing: Side, opening: Side, context: str, tables: Sequence[MovedTable]) -> int:
    """Carry the rest; returns how much that was."""
    await give_back(closing, context)
    step = await follow(closing, opening, context, tables, check=True)
    await carry_sequences(closing, opening, context)
    if step.differing:
        raise HostError(
            f"what was carried is not the same at both sides: {', '.join(step.differing)}",
            fix=f"run `hedgerow extract rollback {context}`, and tell the authors of Hedgerow",
            code=ExitCode.CHECK_FAILED,
        )
    return step.size


async def give_back(side: Side, context: str) -> None:
    """Have nobody hold anything here. The side is closed: nobody but the mover changes it.

    Raises:
        HostError: somebody holds rows, and is in no hurry.
    """
    connection = side.connection
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL {EXTRACTION}.passes = '{context}'")
            await connection.execute(f"SET LOCAL lock_timeout = {fence.WAIT_FOR_WRITERS_MS}")
            for statement in _GIVE_BACK:
                await connection.execute(statement.format(context=context))
    except asyncpg.LockNotAvailableError:
        raise HostError(
            f"a session at {side.place} holds rows of the ledger of {context}; writes are taken there as before",
            fix="run this again: PostgreSQL ends a transaction of ours that does nothing for 15 s",
            code=ExitCode.CHECK_FAILED,
        ) from None


async def carry_sequences(closing: Side, opening: Side, context: str) -> None:
    """Let the opening side's sequences go on where the closing one's are."""
    for name in await sequences_of(closing.connection, context):
        quoted = f'"{context}"."{name}"'
        last = await closing.connection.fetchrow(f"SELECT last_value, is_called FROM {quoted}")
        await opening.connection.execute(
            "SELECT setval($1::text::regclass, $2, $3)", quoted, last["last_value"], last["is_called"]
        )
