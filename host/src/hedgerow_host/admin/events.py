"""Events over HTTP: what was published, what becomes visible, and publishing one by hand."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query

from hedgerow_core.application import Page
from hedgerow_core.domain import NotFoundError
from hedgerow_core.http import Caller, ContextRouter, PageModel, permitted
from hedgerow_core.messaging.emission import Emission
from hedgerow_core.messaging.feed import EventFilter
from hedgerow_host.admin.hosted import Hosted, decision_of
from hedgerow_host.admin.permissions import READ, STEER
from hedgerow_host.admin.requests import EmissionModel, EventQuery, NewEventsQuery
from hedgerow_host.admin.schemas import EmittedModel, EventModel, FullEventModel
from hedgerow_host.operations import declared, following, reads
from hedgerow_host.operations.rows import Row

LOOK_EVERY_S = 0.2


def add_events(router: ContextRouter, hosted: Hosted) -> None:
    """Add the routes of events."""

    @router.get("/events", response_model=PageModel[EventModel])
    @permitted(READ)
    async def list_events(query: Annotated[EventQuery, Query()]) -> Page[Row]:
        """List events, the latest first."""
        ledgers = hosted.ledgers(query.context)
        return await reads.list_events(ledgers, query.filter(), limit=query.limit, cursor=query.cursor)

    @router.get("/events/new", response_model=PageModel[EventModel])
    @permitted(READ)
    async def tail_events(query: Annotated[NewEventsQuery, Query()]) -> Page[Row]:
        """What became visible behind `after`, in publisher order; begin without, and go on with `next`."""
        ledgers, which = hosted.ledgers(query.context), EventFilter(type=query.type)
        until = time.monotonic() + query.wait_s
        page = await following.follow_cursor(ledgers, query.after, which, limit=query.limit)
        while not page.items and time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY_S)
            page = await following.follow_cursor(ledgers, page.next, which, limit=query.limit)
        return page

    @router.get("/events/{event_id}", response_model=FullEventModel)
    @permitted(READ)
    async def show_event(event_id: UUID) -> Row:
        """An event with its payload and all its deliveries."""
        event = await reads.show_event(hosted.ledgers(), event_id)
        if event is None:
            raise NotFoundError(f"There is no event {event_id}.")
        return event

    @router.post("/events", status_code=HTTPStatus.CREATED, response_model=EmittedModel)
    @permitted(STEER)
    async def emit_event(body: EmissionModel, caller: Caller) -> Row:
        """Publish an event by hand, under its contract, as any other."""
        context, contract = declared.contract_of(hosted.contexts, body.type)
        emission = Emission(
            contract=contract,
            payload=body.payload,
            aggregate_id=body.aggregate_id,
            aggregate_type=body.aggregate_type,
            aggregate_version=body.aggregate_version,
        )
        decision = decision_of(caller, body.why)
        return {"event_id": await declared.emit_event(context, emission, decision, hosted.clock)}
