"""Saves messages and their log, on the connection of a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, final
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy import insert as insert_row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import RowScope
from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Scoped, parameters_of
from hedgerow_webhooks.application.ports import KnownMessage, NewMessage
from hedgerow_webhooks.domain.message import Attempt, MessageStatus
from hedgerow_webhooks.infrastructure.tables import attempts, endpoints, messages

# However often the ledger carries an event here, it is on its way to an endpoint once.
_ADD = insert(messages).on_conflict_do_nothing(constraint="uq_messages_event").returning(messages.c.id)
_ENDPOINT_OF = select(messages.c.endpoint_id).where(messages.c.id == bindparam("message"))
_KNOWN = select(messages.c.id, messages.c.endpoint_id, messages.c.status, messages.c.run, messages.c.tries)
_LOCKED = Scoped(
    _KNOWN.join_from(messages, endpoints, endpoints.c.id == messages.c.endpoint_id)
    .where(messages.c.id == bindparam("message"))
    .with_for_update(of=messages),
    endpoints.c.owner_id,
)
# Index: ix_messages_endpoint, read backwards.
_FAILED_OF = (
    _KNOWN.where(
        messages.c.endpoint_id == bindparam("endpoint"),
        messages.c.status == MessageStatus.FAILED,
        messages.c.created_at >= bindparam("since"),
    )
    .order_by(messages.c.created_at, messages.c.id)
    .limit(bindparam("limit"))
    .with_for_update()
)
_by_id = messages.c.id == bindparam("message")
_COUNT_ATTEMPT = (
    update(messages)
    .where(_by_id)
    .values(
        attempts=messages.c.attempts + 1, last_status=bindparam("status_now"), last_failure=bindparam("failure_now")
    )
    .returning(messages.c.attempts)
)
_LOG = insert_row(attempts)
_SETTLE = (
    update(messages)
    .where(_by_id)
    .values(status=bindparam("new_status"), tries=bindparam("new_tries"), next_attempt_at=bindparam("next"))
)
_BEGIN_ANEW = (
    update(messages)
    .where(_by_id)
    .values(status=MessageStatus.PENDING, run=messages.c.run + 1, tries=0, next_attempt_at=bindparam("at"))
    .returning(messages.c.run)
)
# Index: ix_messages_created. What somebody holds goes another time.
_PRUNE = delete(messages).where(
    messages.c.id.in_(
        select(messages.c.id)
        .where(messages.c.created_at < bindparam("before"))
        .order_by(messages.c.created_at)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )
)


@final
class PostgresMessages:
    """The port `Messages`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, message: NewMessage) -> UUID | None:
        """Insert it, unless it is there."""
        row = {
            "id": new_id(),
            "endpoint_id": message.endpoint_id,
            "webhook_id": message.webhook_id,
            "type": message.type,
            "body": message.body,
            "status": MessageStatus.PENDING,
            "run": 1,
            "tries": 0,
            "attempts": 0,
            "next_attempt_at": message.at,
            "created_at": message.at,
        }
        added: UUID | None = (await self._connection.execute(_ADD, row)).scalar_one_or_none()
        return added

    async def endpoint_of(self, message_id: UUID) -> UUID | None:
        """Read it."""
        found: UUID | None = await self._connection.scalar(_ENDPOINT_OF, {"message": message_id})
        return found

    async def locked(self, message_id: UUID, *, rows: RowScope) -> KnownMessage | None:
        """Lock and read it."""
        where = {"message": message_id, **parameters_of(rows)}
        row = (await self._connection.execute(_LOCKED.within(rows), where)).one_or_none()
        return None if row is None else _known(row)

    async def failed_of(self, endpoint_id: UUID, *, since: datetime, limit: int) -> Sequence[KnownMessage]:
        """Lock and read them."""
        where = {"endpoint": endpoint_id, "since": since, "limit": limit}
        return [_known(row) for row in await self._connection.execute(_FAILED_OF, where)]

    async def log(self, message_id: UUID, attempt: Attempt) -> None:
        """Count it, then insert the line under its number."""
        facts = {"message": message_id, "status_now": attempt.status, "failure_now": attempt.failure}
        number = (await self._connection.execute(_COUNT_ATTEMPT, facts)).scalar_one_or_none()
        if number is None:
            return  # deleted meanwhile
        await self._connection.execute(
            _LOG,
            {
                "message_id": message_id,
                "number": number,
                "at": attempt.at,
                "duration_ms": round(attempt.took.total_seconds() * 1000),
                "status": attempt.status,
                "failure": attempt.failure,
                "answer": attempt.answer,
            },
        )

    async def settle(
        self, message: KnownMessage, status: MessageStatus, *, tries: int, next_attempt_at: datetime | None
    ) -> None:
        """Update the row."""
        values = {"message": message.id, "new_status": status, "new_tries": tries, "next": next_attempt_at}
        await self._connection.execute(_SETTLE, values)

    async def begin_anew(self, message: KnownMessage, *, at: datetime) -> int:
        """Update the row."""
        return int((await self._connection.execute(_BEGIN_ANEW, {"message": message.id, "at": at})).scalar_one())

    async def prune(self, *, before: datetime, limit: int) -> int:
        """The log goes with them."""
        return (await self._connection.execute(_PRUNE, {"before": before, "limit": limit})).rowcount


def _known(row: Any) -> KnownMessage:
    return KnownMessage(
        id=row.id,
        endpoint_id=row.endpoint_id,
        status=MessageStatus(row.status),
        run=row.run,
        tries=row.tries,
    )
