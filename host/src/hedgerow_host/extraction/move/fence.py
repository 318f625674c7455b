"""Who may write: a fence at each side, of which at most one is open.

A fence is a sequence that says until when it is closed. A sequence belongs to no snapshot, so nobody misses that it
was closed, at whatever isolation. A fence may be closed for some seconds only: a mover that dies in the middle of
the switch then leaves a side behind that opens by itself.

Every writer takes the fence's advisory lock in its shared form and holds it until its transaction ends. Whoever has
the exclusive form knows that nobody is in the middle of a write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from hedgerow_core.persistence.moving import EXTRACTION, WRITE_REFUSED, fence_of
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move.sides import Side, key_of

FOR_GOOD = 2**63 - 1
"""Until somebody opens it."""
WAIT_FOR_WRITERS_MS = 1_000
"""Who is in the middle of a write comes to an end within this time, or the fence is opened again."""

_NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_WRITERS = """
    SELECT string_agg(format('session %s (%s, %s, for %s)', pid, application_name, state,
        date_trunc('milliseconds', clock_timestamp() - xact_start)), ' and ')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND mode = 'ShareLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) + objid::bigint = $1
"""


def lock_of(context: str) -> int:
    """The key of the lock that writers of the context share."""
    return key_of(context, "fence")


async def build(side: Side, context: str, *, closed: bool) -> None:
    """Make sure that there is a fence. One that is there already stays as it is."""
    fence = fence_of(context)
    async with side.connection.transaction():
        if await side.connection.fetchval("SELECT to_regclass($1)", fence) is not None:
            return
        await side.connection.execute(f"CREATE SEQUENCE {fence} MINVALUE 0 START 0")
        await side.connection.execute(f"GRANT SELECT ON SEQUENCE {fence} TO PUBLIC")
        await side.connection.execute(f"SELECT setval('{fence}', {FOR_GOOD if closed else 0})")


async def is_open(side: Side, context: str) -> bool:
    """Whether this side takes writes."""
    fence = fence_of(context)
    if await side.connection.fetchval("SELECT to_regclass($1)", fence) is None:
        return True
    return bool(await side.connection.fetchval(f"SELECT last_value <= {_NOW_MS} FROM {fence}"))


async def is_closed_for_good(side: Side, context: str) -> bool:
    """Whether this side takes no writes until somebody opens it. One that opens by itself some day is not meant."""
    fence = fence_of(context)
    if await side.connection.fetchval("SELECT to_regclass($1)", fence) is None:
        return False
    return bool(await side.connection.fetchval(f"SELECT last_value = {FOR_GOOD} FROM {fence}"))


async def demand_closed(side: Side, context: str) -> None:
    """Nothing may be carried to where others write.

    Raises:
        HostError: they do.
    """
    if await is_open(side, context):
        raise HostError(
            f"{side.place} takes writes of {context}: nothing may be carried there",
            fix="`hedgerow extract status` says how far the move is",
            code=ExitCode.CHECK_FAILED,
        )


async def open_up(side: Side, context: str) -> None:
    """Let this side take writes. The other one must be closed for good."""
    if await side.connection.fetchval("SELECT to_regclass($1)", fence_of(context)) is not None:
        await side.connection.execute(f"SELECT setval('{fence_of(context)}', 0)")


async def close_for(side: Side, context: str, seconds: float) -> None:
    """Refuse writes from now on, for so long unless we say otherwise. Nobody is in the middle of one afterwards.

    Who comes is refused before we wait for those who are in the middle: nobody queues behind us.

    Raises:
        HostError: somebody writes for longer than we wait. The fence is open then, as it was.
    """
    if await is_closed_for_good(side, context):
        return
    await side.connection.execute(f"SELECT setval('{fence_of(context)}', {_NOW_MS} + {round(seconds * 1000)})")
    try:
        async with _alone(side, context):
            pass
    except HostError:
        await open_up(side, context)
        raise


async def close_for_good(side: Side, context: str) -> None:
    """Make it last.

    Raises:
        HostError: its time was up, and somebody may have written. It is open.
    """
    async with _alone(side, context):
        if await is_open(side, context):
            raise too_slow(side, context)
        await side.connection.execute(f"SELECT setval('{fence_of(context)}', {FOR_GOOD})")


def too_slow(side: Side, context: str) -> HostError:
    """What to say when not all was carried in time."""
    return HostError(
        f"what was left to be carried took longer than {context} may stand still: {side.place} takes writes"
        " again, and nothing is lost",
        fix="run this again when less is written; `hedgerow extract status` says how much is waiting",
        code=ExitCode.CHECK_FAILED,
    )


@asynccontextmanager
async def _alone(side: Side, context: str) -> AsyncIterator[None]:
    """While nobody is in the middle of a write."""
    connection, key = side.connection, lock_of(context)
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = {WAIT_FOR_WRITERS_MS}")
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", key)
        except asyncpg.LockNotAvailableError:
            who = await connection.fetchval(_WRITERS, key) or "somebody who is gone by now"
            raise HostError(
                f"{who} has been writing to {context} for more than {WAIT_FOR_WRITERS_MS / 1000:.0f} s; "
                f"{side.place} takes writes as before",
                fix="wait for it to end, or end it (SELECT pg_terminate_backend(pid)), then run this again",
                code=ExitCode.CHECK_FAILED,
            ) from None
        yield


def refusal(context: str) -> str:
    """PL/pgSQL: join the writers, and end the statement if the fence is closed. The mover itself may pass.

    It looks twice: before, so that nobody waits who is refused, and when it is sure that nobody closes it any more.
    """
    look = f"""
        IF (SELECT last_value FROM {fence_of(context)}) > extract(epoch FROM clock_timestamp()) * 1000
            AND current_setting('{EXTRACTION}.passes', true) IS DISTINCT FROM '{context}'
        THEN
            RAISE EXCEPTION '{context} is moving: this database takes no writes of it'
                USING ERRCODE = '{WRITE_REFUSED}';
        END IF;
    """
    return f"{look} PERFORM pg_advisory_xact_lock_shared({lock_of(context)}); {look}"
