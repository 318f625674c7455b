"""The route to which the gateway sends notices. Nobody is logged in there: the signature is all there is."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request

from hedgerow_billing.application.commands.take_notice import TakeNotice
from hedgerow_billing.application.notices import NoticeReader
from hedgerow_billing.domain.notice_errors import NoticeRefused
from hedgerow_core.application import Bus
from hedgerow_core.http import ContextRouter, only_header, public, raw_body_of

MAX_BYTES = 256 * 1024
_JSON_OBJECT = {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}


def webhooks_router(bus: Bus, notices: NoticeReader) -> ContextRouter:
    """What Stripe tells us. There only where Stripe is the gateway."""
    router = ContextRouter("billing")

    @router.post("/webhooks/stripe", status_code=HTTPStatus.NO_CONTENT, openapi_extra={"requestBody": _JSON_OBJECT})
    @public
    async def receive_stripe_notice(request: Request) -> None:
        """Take a notice of Stripe. It only says where to look."""
        signature = only_header(request, "stripe-signature")
        if not signature:
            raise NoticeRefused  # and no byte of the body is read
        notice = notices.read(signature, await raw_body_of(request, at_most=MAX_BYTES))
        if notice is not None:
            await bus.execute(TakeNotice(notice=notice))

    return router
