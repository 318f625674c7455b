"""What a move remembers at both sides: how far it is, and how much of the other side this one has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow_core.persistence.moving import EXTRACTION
from hedgerow_host.extraction.move.sides import Side
from hedgerow_host.extraction.move.stage import Stage

BEGINNING = "1:1:"
"""A snapshot in which nothing was visible yet."""

_TABLE = f"""
    CREATE TABLE IF NOT EXISTS {EXTRACTION}.moves (
        context text PRIMARY KEY,
        id uuid NOT NULL,
        stage text,
        other_side text NOT NULL,
        reached text NOT NULL,
        details jsonb NOT NULL DEFAULT '{{}}',
        started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""
_SET = f"""
    UPDATE {EXTRACTION}.moves SET stage = $2, details = details || $3::text::jsonb, changed_at = clock_timestamp()
    WHERE context = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A move as one side remembers it."""

    context: str
    id: UUID
    stage: Stage | None
    """The last that is finished; None if it has only begun."""
    other_side: str
    """Where the other database is; at the source a URL, without its password."""
    details: Mapping[str, Any]
    started_at: datetime
    changed_at: datetime

    def has(self, stage: Stage) -> bool:
        """Whether the stage is finished."""
        return self.stage is not None and self.stage.nth >= stage.nth


async def move_of(side: Side, context: str) -> Move | None:
    """The move of this context, if there is one."""
    if await side.connection.fetchval(f"SELECT to_regclass('{EXTRACTION}.moves')") is None:
        return None
    row = await side.connection.fetchrow(f"SELECT * FROM {EXTRACTION}.moves WHERE context = $1", context)
    if row is None:
        return None
    return Move(
        context=context,
        id=row["id"],
        stage=Stage(row["stage"]) if row["stage"] else None,
        other_side=row["other_side"],
        details=json.loads(row["details"]),
        started_at=row["started_at"],
        changed_at=row["changed_at"],
    )


async def begin(side: Side, context: str, id: UUID, other_side: str, details: Mapping[str, object]) -> None:
    """Make room for what is remembered here, and remember that it has begun."""
    async with side.connection.transaction():
        await side.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {EXTRACTION}")
        await side.connection.execute(f"GRANT USAGE ON SCHEMA {EXTRACTION} TO PUBLIC")
        await side.connection.execute(_TABLE)
        await side.connection.execute(
            f"INSERT INTO {EXTRACTION}.moves (context, id, stage, other_side, reached, details)"
            " VALUES ($1, $2, NULL, $3, $4, $5::text::jsonb) ON CONFLICT DO NOTHING",
            context,
            id,
            other_side,
            BEGINNING,
            json.dumps(details),
        )


async def finished(side: Side, context: str, stage: Stage, **details: object) -> None:
    """Remember that a stage is finished, and what there is to say about it."""
    await side.connection.execute(_SET, context, stage.value, json.dumps(details, default=str))


async def cursor_of(side: Side, context: str, *, lock: bool = False) -> str:
    """Up to which moment of the other side this one has come. May be locked until the transaction ends."""
    statement = f"SELECT reached FROM {EXTRACTION}.moves WHERE context = $1 {'FOR UPDATE' if lock else ''}"
    return str(await side.connection.fetchval(statement, context))


async def move_cursor(side: Side, context: str, snapshot: str) -> None:
    """It has come up to here; to be committed together with the rows."""
    await side.connection.execute(
        f"UPDATE {EXTRACTION}.moves SET reached = $2, changed_at = clock_timestamp() WHERE context = $1",
        context,
        snapshot,
    )


async def forget_move(side: Side, context: str) -> None:
    """Leave nothing behind."""
    connection = side.connection
    async with connection.transaction():
        if await connection.fetchval(f"SELECT to_regclass('{EXTRACTION}.moves')") is None:
            return
        await connection.execute(f"DROP SEQUENCE IF EXISTS {EXTRACTION}.fence_{context}")
        await connection.execute(f"DELETE FROM {EXTRACTION}.moves WHERE context = $1", context)
        if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {EXTRACTION}.moves)"):
            await connection.execute(f"DROP SCHEMA {EXTRACTION} CASCADE")
