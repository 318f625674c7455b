"""The routes of messages: the delivery log, and sending again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from hedgerow_core.application import DEFAULT_LIMIT, Bus, Filters, Page
from hedgerow_core.http import (
    ContextRouter,
    Filterable,
    FilterField,
    Limit,
    NextPage,
    PageModel,
    Rows,
    idempotent,
    permitted,
)
from hedgerow_webhooks.application.commands.redeliver_failed import RedeliverFailed
from hedgerow_webhooks.application.commands.redeliver_message import RedeliverMessage
from hedgerow_webhooks.application.queries.get_message import GetMessage
from hedgerow_webhooks.application.queries.list_messages import ListMessages
from hedgerow_webhooks.application.views import MessageView
from hedgerow_webhooks.domain.message import MessageStatus
from hedgerow_webhooks.interfaces.http import CONTEXT, READ_ANY
from hedgerow_webhooks.interfaces.schemas import (
    MessageLogModel,
    MessageModel,
    RedeliveredModel,
    RedeliveryModel,
)

REDELIVER, REDELIVER_ANY = "webhooks:message:redeliver", "webhooks:message:redeliver_any"

MESSAGES = Filterable(
    type=FilterField.text(), status=FilterField.choice(MessageStatus), created_at=FilterField.moment()
)
MessageFilters = Annotated[Filters, Depends(MESSAGES.read)]


def messages_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries the messages of webhooks."""
    router = ContextRouter(CONTEXT)

    @router.get(
        "/endpoints/{endpoint_id}/messages",
        response_model=PageModel[MessageModel],
        openapi_extra=MESSAGES.openapi(),
    )
    @permitted("webhooks:endpoint:read", all_rows=READ_ANY)
    async def list_messages(
        endpoint_id: UUID,
        rows: Rows,
        filters: MessageFilters,
        limit: Limit = DEFAULT_LIMIT,
        cursor: NextPage = None,
    ) -> Page[MessageView]:
        """List what was sent to an endpoint, or is on its way, the latest first."""
        return await bus.ask(
            ListMessages(rows=rows, endpoint_id=endpoint_id, filters=filters, limit=limit, cursor=cursor)
        )

    @router.get("/messages/{message_id}")
    @permitted("webhooks:endpoint:read", all_rows=READ_ANY)
    async def get_message(message_id: UUID, rows: Rows) -> MessageLogModel:
        """Look at a message: what is in it, and what the receiver answered each time."""
        return MessageLogModel.of(await bus.ask(GetMessage(rows=rows, message_id=message_id)))

    @router.post("/messages/{message_id}/redeliver", status_code=HTTPStatus.ACCEPTED)
    @permitted(REDELIVER, all_rows=REDELIVER_ANY)
    @idempotent
    async def redeliver_message(message_id: UUID, rows: Rows) -> RedeliveredModel:
        """Have a message sent again, under the same `webhook-id`, whatever has become of it."""
        await bus.execute(RedeliverMessage(rows=rows, message_id=message_id))
        return RedeliveredModel(messages=1)

    @router.post("/endpoints/{endpoint_id}/redeliver", status_code=HTTPStatus.ACCEPTED)
    @permitted(REDELIVER, all_rows=REDELIVER_ANY)
    @idempotent
    async def redeliver_failed(endpoint_id: UUID, body: RedeliveryModel, rows: Rows) -> RedeliveredModel:
        """Have all that failed since then sent again, once your receiver is mended."""
        count = await bus.execute(RedeliverFailed(rows=rows, endpoint_id=endpoint_id, since=body.since))
        return RedeliveredModel(messages=count)

    return router
