"""What operators have changed: who, why, which, how many. Written in the transaction that makes the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who wants a change, and why."""

    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRecord:
    """A change as it was written down."""

    id: int
    at: datetime
    action: str
    actor: str
    reason: str
    filter: dict[str, Any]
    affected: int


_WRITE_DOWN = text(
    """
    INSERT INTO ledger_actions (action, actor, reason, filter, affected)
    VALUES (:action, :by, :why, :filter, :count)
    RETURNING id
    """
).bindparams(bindparam("filter", type_=JSONB))

_ADD = text("UPDATE ledger_actions SET affected = affected + :count WHERE id = :entry")

_LIST = text(
    """
    SELECT id, at, action, actor, reason, filter, affected FROM ledger_actions
    WHERE (CAST(:action AS text) IS NULL OR action = :action)
      AND (CAST(:before AS bigint) IS NULL OR id < :before)
    ORDER BY id DESC LIMIT :limit
    """
).bindparams(bindparam("action", type_=Text), bindparam("before", type_=BigInteger))


async def write_down(
    connection: AsyncConnection,
    action: str,
    which: Mapping[str, Any],
    decision: Decision,
    count: int,
    *,
    entry: int | None = None,
) -> int:
    """Write a change down; a further batch of the same change is added to its `entry`. Returns the entry's id."""
    if entry is not None:
        await connection.execute(_ADD, {"entry": entry, "count": count})
        return entry
    written = {"action": action, "by": decision.by, "why": decision.why, "filter": dict(which), "count": count}
    return int((await connection.execute(_WRITE_DOWN, written)).scalar_one())


async def listed(
    connection: AsyncConnection, *, limit: int, action: str | None = None, before: int | None = None
) -> list[ActionRecord]:
    """What was changed, the latest first; `before` is the id with which the last page ended."""
    rows = await connection.execute(_LIST, {"action": action, "before": before, "limit": limit})
    return [ActionRecord(**row._mapping) for row in rows]


def readable(which: object) -> dict[str, Any]:
    """A filter as it is written down: what was asked for, as JSON knows it."""
    assert is_dataclass(which)  # noqa: S101 - all our filters are
    assert not isinstance(which, type)  # noqa: S101
    names = {field.name for field in fields(which)}
    asked = {name: value for name, value in asdict(which).items() if name in names and value}
    return {name: _plain(value) for name, value in asked.items()}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value if isinstance(value, bool) else str(value)
