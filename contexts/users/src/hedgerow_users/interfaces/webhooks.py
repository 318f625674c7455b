"""The route to which identity providers send webhooks. Nobody is logged in there: the signature is all there is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Request
from starlette.exceptions import HTTPException

from hedgerow_core.http import ContextRouter, public
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
            id=_only(request, "webhook-id"),
            timestamp=_only(request, "webhook-timestamp"),
            signatures=_only(request, "webhook-signature"),
            body=await _raw_body_of(request),
        )
        await receive(provider, sent)

    return router


def _only(request: Request, name: str) -> str:
    """A header that came twice is as good as none: who has signed which of them?"""
    values = request.headers.getlist(name)
    return values[0] if len(values) == 1 else ""


async def _raw_body_of(request: Request) -> bytes:
    """The very bytes that were signed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail=f"A webhook may have at most {MAX_BYTES} bytes."
            )
    return bytes(body)
