"""Deliveries over HTTP: find what is stuck, see why, and decide what becomes of it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from hedgerow_core.application import Page
from hedgerow_core.domain import NotFoundError
from hedgerow_core.http import Caller, ContextRouter, PageModel, permitted
from hedgerow_core.messaging.steering import Action
from hedgerow_host.admin.deciding import decide
from hedgerow_host.admin.hosted import Hosted
from hedgerow_host.admin.permissions import READ, STEER
from hedgerow_host.admin.requests import DecisionModel, DeliveryQuery, RetryModel
from hedgerow_host.admin.schemas import ChangedModel, DeliveryModel, FullDeliveryModel
from hedgerow_host.operations import reads
from hedgerow_host.operations.rows import Row


def add_deliveries(router: ContextRouter, hosted: Hosted) -> None:
    """Add the routes of deliveries; tasks are among them, and have routes of their own as well."""

    @router.get("/deliveries", response_model=PageModel[DeliveryModel])
    @permitted(READ)
    async def list_deliveries(query: Annotated[DeliveryQuery, Query()]) -> Page[Row]:
        """List deliveries, the latest received first."""
        ledgers, which = hosted.ledgers(query.context), query.filter(tasks=False)
        return await reads.list_deliveries(ledgers, which, limit=query.limit, cursor=query.cursor)

    @router.get("/deliveries/{event_id}", response_model=list[FullDeliveryModel])
    @permitted(READ)
    async def show_deliveries(event_id: UUID) -> list[Row]:
        """Everything about the deliveries of one event or task."""
        rows = await reads.show_deliveries(hosted.ledgers(), event_id)
        if not rows:
            raise NotFoundError(f"There is no delivery of {event_id}.")
        return rows

    @router.post("/deliveries/retry", response_model=ChangedModel)
    @permitted(STEER)
    async def retry_deliveries(body: RetryModel, caller: Caller) -> dict[str, Any]:
        """Try dead, discarded or waiting deliveries again, now; what is parked behind them resumes."""
        return await decide(hosted, Action.RETRY, body, caller, tasks=False)

    @router.post("/deliveries/skip", response_model=ChangedModel)
    @permitted(STEER)
    async def skip_deliveries(body: DecisionModel, caller: Caller) -> dict[str, Any]:
        """Leave dead deliveries dead, and let those behind them go on without them."""
        return await decide(hosted, Action.SKIP, body, caller, tasks=False)

    @router.post("/deliveries/discard", response_model=ChangedModel)
    @permitted(STEER)
    async def discard_deliveries(body: DecisionModel, caller: Caller) -> dict[str, Any]:
        """Decide that deliveries shall never run; what is parked behind them resumes."""
        return await decide(hosted, Action.DISCARD, body, caller, tasks=False)
