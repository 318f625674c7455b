"""The trail of a context: who did what to whom, when, from where, why, and what came of it. It only ever grows.

Lines come from commands that are declared `Audited` and from what operators decide (`actions`); each is written in
the transaction of its effect. A trigger refuses to change or delete them; what is old goes through `forget_audit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import AuditEntry, current_cause
from hedgerow_core.messaging.tables import audit_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """A line as it was written down. What only decisions of operators have is None elsewhere: reason, affected."""

    id: int
    at: datetime
    action: str
    result: str
    actor: str | None
    subject_kind: str | None
    subject_id: str | None
    reason: str | None
    affected: int | None
    details: dict[str, Any]
    address: str | None
    user_agent: str | None
    request_id: str | None
    trace_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which lines are wanted; all that is given must hold."""

    action: str | None = None
    result: str | None = None
    actor: str | None = None
    subject: str | None = None
    """The id of whom it was done to."""
    since: datetime | None = None
    until: datetime | None = None


_APPEND = insert(audit_entries)
_LIST = select(audit_entries).order_by(audit_entries.c.id.desc())  # audit_by_subject, audit_by_actor


async def append(connection: AsyncConnection, *entries: AuditEntry) -> None:
    """Write lines down, as caused by what is going on right now."""
    await connection.execute(_APPEND, [line_of(entry) for entry in entries])


def line_of(entry: AuditEntry) -> dict[str, Any]:
    """The line of an entry: what was done, and whatever is known of who asked."""
    cause, subject = current_cause(), entry.subject
    return {
        "action": entry.action,
        "result": entry.result,
        "actor": cause.actor,
        "subject_kind": subject.kind if subject else None,
        "subject_id": subject.id if subject else None,
        "details": dict(entry.details),
        "address": cause.address,
        "user_agent": cause.user_agent,
        "request_id": cause.request_id,
        "trace_id": cause.correlation_id,
    }


async def listed(
    connection: AsyncConnection, which: AuditFilter, *, limit: int, before: int | None = None
) -> list[AuditRecord]:
    """The lines, the latest first; `before` is the id with which the last page ended."""
    statement = _LIST.where(*_conditions(which)).limit(limit)
    if before is not None:
        statement = statement.where(audit_entries.c.id < before)
    return [AuditRecord(**row._mapping) for row in await connection.execute(statement)]


def _conditions(which: AuditFilter) -> list[ColumnElement[bool]]:
    line = audit_entries.c
    wanted = (
        (line.action, which.action),
        (line.result, which.result),
        (line.actor, which.actor),
        (line.subject_id, which.subject),
    )
    conditions = [column == value for column, value in wanted if value is not None]
    if which.since is not None:
        conditions.append(line.at >= which.since)
    if which.until is not None:
        conditions.append(line.at < which.until)
    return conditions
