"""The route to which identity providers send webhooks. Nobody is logged in there: the signature is all there is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Request

from hedgerow_core.http import ContextRouter, only_header, public, raw_body_of
from hedgerow_users.application.commands.receive_webhook import ReceiveWebhook
from hedgerow_users.application.webhook_signatures import SentWebhook
from hedgerow_users.interfaces.http import CONTEXT

MAX_BYTES = 256 * 1024
_JSON_OBJECT = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}


def webhooks_router(receive: ReceiveWebhook) -> ContextRouter:
    """What providers tell us."""
    router = ContextRouter(CONTEXT)

    @router.post(
        "/webhooks/{provider}", status_code=HTTPStatus.NO_CONTENT, openapi_extra={"requestBody": _JSON_OBJECT}
    )
    @public
    async def receive_webhook(provider: Annotated[str, Path(max_length=64)], request: Request) -> None:
        """Take a webhook of an identity provider, signed as Standard Webhooks says."""
        receive.demand_sender(provider)
        sent = SentWebhook(
            id=only_header(request, "webhook-id"),
            timestamp=only_header(request, "webhook-timestamp"),
            signatures=only_header(request, "webhook-signature"),
            body=await raw_body_of(request, at_most=MAX_BYTES),
        )
        await receive(provider, sent)

    return router
