"""Answers questions about endpoints and messages, outside any transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, bindparam, select

from hedgerow_core.application import Filters, Page, RowScope
from hedgerow_core.persistence import Database, Scoped, SortKey, keyset, narrowed, page_of, parameters_of
from hedgerow_webhooks.application.views import AttemptView, EndpointView, MessageLog, MessageView
from hedgerow_webhooks.domain.endpoint import EndpointStatus
from hedgerow_webhooks.domain.message import MessageStatus
from hedgerow_webhooks.infrastructure.endpoints import ENDPOINT
from hedgerow_webhooks.infrastructure.tables import attempts, endpoints, messages

NEWEST_FIRST = "-created_at"

# Indexes: ix_endpoints_owner; for everybody's, ix_endpoints_created.
_ENDPOINTS = Scoped(select(endpoints), endpoints.c.owner_id)
_ENDPOINT_FILTERS: Mapping[str, ColumnElement[Any]] = {
    name: endpoints.c[name] for name in ("owner_id", "status", "created_at")
}

_of_owners = messages.join(endpoints, endpoints.c.id == messages.c.endpoint_id)
_MESSAGE = Scoped(
    select(messages).select_from(_of_owners).where(messages.c.id == bindparam("message")), endpoints.c.owner_id
)
# Index: ix_messages_endpoint.
_MESSAGES = Scoped(
    select(messages).select_from(_of_owners).where(messages.c.endpoint_id == bindparam("endpoint")),
    endpoints.c.owner_id,
)
_MESSAGE_FILTERS: Mapping[str, ColumnElement[Any]] = {
    name: messages.c[name] for name in ("type", "status", "created_at")
}
_LOG = select(attempts).where(attempts.c.message_id == bindparam("message")).order_by(attempts.c.number)


@final
class PostgresEndpointReader:
    """The port `EndpointReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, rows: RowScope, endpoint_id: UUID) -> EndpointView | None:
        """Read it."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                ENDPOINT.within(rows), {"endpoint": endpoint_id, **parameters_of(rows)}
            )
            row = found.one_or_none()
        return None if row is None else _endpoint(row)

    async def list(self, rows: RowScope, *, filters: Filters, cursor: str | None, limit: int) -> Page[EndpointView]:
        """Read a page."""
        statement = keyset(
            narrowed(_ENDPOINTS.within(rows), filters, _ENDPOINT_FILTERS),
            sort=NEWEST_FIRST,
            keys={"created_at": SortKey.of_time(endpoints.c.created_at)},
            id_column=endpoints.c.id,
            cursor=cursor,
            limit=limit,
        )
        async with self._database.reading() as connection:
            found = (await connection.execute(statement, parameters_of(rows))).all()
        return page_of(
            found,
            limit=limit,
            sort=NEWEST_FIRST,
            sorted_by=lambda row: row.created_at,
            id_of=lambda row: row.id,
            read=_endpoint,
        )


@final
class PostgresMessageReader:
    """The port `MessageReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, rows: RowScope, message_id: UUID) -> MessageLog | None:
        """Read it, then its log."""
        async with self._database.reading() as connection:
            found = await connection.execute(_MESSAGE.within(rows), {"message": message_id, **parameters_of(rows)})
            row = found.one_or_none()
            if row is None:
                return None
            log = (await connection.execute(_LOG, {"message": message_id})).all()
        return MessageLog(message=_message(row), body=row.body, log=[_attempt(each) for each in log])

    async def list(
        self, rows: RowScope, endpoint_id: UUID, *, filters: Filters, cursor: str | None, limit: int
    ) -> Page[MessageView]:
        """Read a page."""
        statement = keyset(
            narrowed(_MESSAGES.within(rows), filters, _MESSAGE_FILTERS),
            sort=NEWEST_FIRST,
            keys={"created_at": SortKey.of_time(messages.c.created_at)},
            id_column=messages.c.id,
            cursor=cursor,
            limit=limit,
        )
        async with self._database.reading() as connection:
            found = (await connection.execute(statement, {"endpoint": endpoint_id, **parameters_of(rows)})).all()
        return page_of(
            found,
            limit=limit,
            sort=NEWEST_FIRST,
            sorted_by=lambda row: row.created_at,
            id_of=lambda row: row.id,
            read=_message,
        )


def _endpoint(row: Row[Any]) -> EndpointView:
    return EndpointView(
        id=row.id,
        owner_id=row.owner_id,
        url=row.url,
        events=tuple(row.events),
        description=row.description,
        status=EndpointStatus(row.status),
        failing_since=row.failing_since,
        created_at=row.created_at,
        version=row.version,
    )


def _message(row: Row[Any]) -> MessageView:
    return MessageView(
        id=row.id,
        endpoint_id=row.endpoint_id,
        webhook_id=row.webhook_id,
        type=row.type,
        status=MessageStatus(row.status),
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        last_status=row.last_status,
        last_failure=row.last_failure,
    )


def _attempt(row: Row[Any]) -> AttemptView:
    return AttemptView(
        number=row.number,
        at=row.at,
        duration_ms=row.duration_ms,
        status=row.status,
        failure=row.failure,
        answer=row.answer,
    )
