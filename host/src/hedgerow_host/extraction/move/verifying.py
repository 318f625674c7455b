"""Whether the move has arrived: who works on which side now, counted from what both databases say."""

from __future__ import annotations

from dataclasses import dataclass

from hedgerow_host.extraction.move import fence
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.state import Move

_SESSIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1
"""
# A lease that was taken since the switch is a worker that works. Tokens only ever grow.
_WORKED = 'SELECT count(*) FROM "{context}".delivery_partitions WHERE expires_at > $1 OR owner IS NOT NULL'
_LED = 'SELECT count(*) FROM "{context}".feed_cursors WHERE expires_at > $1'
_WAITING = """
    SELECT count(*) FROM "{context}".deliveries
    WHERE state IN ('pending', 'processing', 'retry_wait') AND next_at < clock_timestamp() - interval '10 seconds'
"""
_SILENT = """
    SELECT string_agg(consumer, ', ' ORDER BY consumer) FROM "{context}".feed_consumers
    WHERE (passed = '0'::xid8 OR reported_at < $1) AND reported_at > $1 - interval '7 days'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing that is as it shall be, or not yet."""

    what: str
    good: bool
    found: str
    fix: str


async def verify(source: Side, target: Side, move: Move, *, switched_at: str) -> list[Sign]:
    """Look at both sides. Changes nothing."""
    context = move.context
    sides_open = [await fence.is_open(side, context) for side in (source, target)]
    at_source, at_target = [
        await side.connection.fetchval(_SESSIONS, f"hedgerow/{context}") for side in (source, target)
    ]
    since = await target.connection.fetchval("SELECT $1::text::timestamptz", switched_at)

    async def ask(statement: str, *values: object) -> object:
        return await target.connection.fetchval(statement.format(context=context), *values)

    worked, led = await ask(_WORKED, since), await ask(_LED, since)
    waiting, silent = await ask(_WAITING), await ask(_SILENT, since)
    return [
        Sign(
            what="the target takes writes, and the source none",
            good=sides_open == [False, True],
            found=f"source {'open' if sides_open[0] else 'closed'}, target {'open' if sides_open[1] else 'closed'}",
            fix="run this with --through switch again",
        ),
        Sign(
            what="a host serves it at the target",
            good=bool(at_target),
            found=f"{at_target} sessions",
            fix=f"start the new host: HEDGEROW_CONTEXTS={context}, HEDGEROW_DATABASE_URL of the target",
        ),
        Sign(
            what="a worker works at the target",
            good=bool(worked) or bool(led),
            found=f"{worked} partitions and {led} feeds were led since the switch",
            fix="start `hedgerow worker` of the new host",
        ),
        Sign(
            what="nothing is overdue there",
            good=not waiting,
            found=f"{waiting} deliveries have been due for more than 10 s",
            fix="wait, or start more workers; `hedgerow deliveries list` says which",
        ),
        Sign(
            what="every subscriber reads its events at the target",
            good=silent is None,
            found=f"silent: {silent}" if silent else "all have reported",
            fix="restart their hosts with HEDGEROW_REMOTES__"
            f"{context.upper()}__URL; one that has been silent for a week is not waited for",
        ),
        Sign(
            what="no host serves it at the source any more",
            good=not at_source,
            found=f"{at_source} sessions",
            fix=f"restart those hosts without {context} in HEDGEROW_CONTEXTS; until then they answer what they read"
            " with rows from before the switch",
        ),
    ]
