"""The two ends of a move: it is retired, and the source forgets the context, or it is taken back as a whole."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow_core.persistence.database import role_of
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.move import capture, fence
from hedgerow_host.extraction.move.comparing import compare_now
from hedgerow_host.extraction.move.following import follow_to
from hedgerow_host.extraction.move.handing_over import hand_over
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.state import Move, forget_move
from hedgerow_host.extraction.move.tables import MovedTable, tables_of
from hedgerow_host.removal import Removal, archive_and_drop, drop_role, look

_LINE = """
    INSERT INTO "{context}".audit_entries (action, result, actor, details) VALUES ($1, 'done', $2, $3::text::jsonb)
"""


async def retire(source: Side, target: Side, move: Move, folder: Path, at: datetime) -> tuple[Removal, str]:
    """Archive and drop the context at the source, and forget the move at both sides.

    Raises:
        HostError: the target does not take writes, or hosts still use the source.
    """
    context = move.context
    if not (await fence.is_open(target, context) and await fence.is_closed_for_good(source, context)):
        raise HostError(
            f"{context} has not been switched to {target.place}",
            fix="run this with --through verify first",
            code=ExitCode.CHECK_FAILED,
        )
    found = await look(source.address, context)
    removed, role = found, "it was dropped before"
    if found.schema_exists:
        _demand_unused(found)
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits for us
        removed, role = await archive_and_drop(source.address, context, folder, at)
    await _write_down(target, move, "extraction.retired", archive=str(folder))
    await capture.remove(target, context)
    await forget_move(target, context)
    await capture.remove(source, context)
    await forget_move(source, context)
    return removed, role


async def roll_back(source: Side, target: Side, move: Move) -> list[str]:
    """Let the source go on, with what was written at the target since, and forget the move. Says what it did.

    Raises:
        HostError: it can't be done now; whoever takes writes goes on with it.
    """
    context, did = move.context, []
    if not (await fence.is_open(source, context) or await fence.is_closed_for_good(target, context)):
        tables = await tables_of(source.connection, context)
        await _demand_same(source, target, context, tables)
        back = await hand_over(target, source, context, tables)
        did.append(
            f"{back.carried} changed rows carried back while {context} stood still for {back.standstill_s:.2f} s"
        )
    await fence.open_up(source, context)
    did.append(f"{source.place} takes writes")
    await _demand_gone(target, context)
    await _drop(target, context)
    await capture.remove(target, context)
    await forget_move(target, context)
    did.append(f"{context} and all of the move are gone from {target.place}")
    await capture.remove(source, context)
    await _write_down(source, move, "extraction.rolled_back")
    await forget_move(source, context)
    did.append(f"the move is forgotten at {source.place}, but for a line in the trail")
    return did


async def _demand_same(source: Side, target: Side, context: str, tables: Sequence[MovedTable]) -> None:
    """What was written at the target is carried, and both are compared at one moment, while the target goes on."""
    if await fence.is_open(target, context):
        async with target.frozen() as snapshot:
            await follow_to(snapshot, target, source, context, tables)
            found = await compare_now(target, source, tables)
        if found.differing:
            shown = "\n".join(f"  {each.table} {each.key}: {each.what}" for each in found.differences)
            raise HostError(
                f"{found.differing} rows are not the same (read {target.place} as the source):\n{shown}",
                fix=f"{target.place} goes on taking writes; run this again, and if it stays, tell the authors",
                code=ExitCode.CHECK_FAILED,
            )


async def _demand_gone(target: Side, context: str) -> None:
    """A host that lost its tables would fail loudly; one that finds a closed fence waits."""
    found = await look(target.address, context)
    if found.connections:
        raise HostError(
            f"{context} is back, and works; but {found.connections} sessions of hosts are left at {target.place}",
            fix="stop the new host, then run this again: it removes what is left of the move",
            code=ExitCode.PARTLY_FAILED,
        )


def _demand_unused(found: Removal) -> None:
    if found.connections:
        raise HostError(
            f"{found.connections} sessions of hosts still use {found.context} at the source",
            fix=f"restart those hosts without {found.context} in HEDGEROW_CONTEXTS, then run this again",
            code=ExitCode.CHECK_FAILED,
        )


async def _drop(side: Side, context: str) -> None:
    async with side.connection.transaction():
        await side.connection.execute(f'DROP SCHEMA IF EXISTS "{context}" CASCADE')
    engine = create_async_engine(side.address.url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await drop_role(connection, role_of(context))
            await connection.commit()
    finally:
        await engine.dispose()


async def _write_down(side: Side, move: Move, action: str, **details: object) -> None:
    """One line in the context's trail: at the side that goes on with it."""
    told = {"move": str(move.id), "other_side": move.other_side, "stage": move.stage, **details}
    await side.connection.execute(
        _LINE.format(context=move.context), action, f"cli:{getpass.getuser()}", json.dumps(told)
    )
