"""What operators decide about the ledger goes into the trail, too: who, why, which, how many.

Written in the transaction that makes the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import AuditEntry
from hedgerow_core.messaging.tables import audit_entries
from hedgerow_core.messaging.trail import line_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who wants a change, and why."""

    by: str
    why: str


_WRITE_DOWN = insert(audit_entries).returning(audit_entries.c.id)


async def write_down(
    connection: AsyncConnection,
    action: str,
    which: Mapping[str, Any],
    decision: Decision,
    count: int,
    *,
    entry: int | None = None,
) -> int:
    """Write a change down as `ledger.<action>`; a further batch of it names the `entry` of the first.

    Returns the id of the first entry.
    """
    details = {**which, "continues": entry} if entry is not None else which
    line = line_of(AuditEntry(action=f"ledger.{action}", details=details))
    written = {**line, "actor": decision.by, "reason": decision.why, "affected": count}
    made = (await connection.execute(_WRITE_DOWN, written)).scalar_one()
    return entry if entry is not None else int(made)


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
