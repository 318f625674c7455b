"""The routes of loyalty. Each turns a request into one message for the bus; no rule is decided here."""

from __future__ import annotations

from pydantic import BaseModel

from hedgerow_core.application import Bus
from hedgerow_core.http import Caller, ContextRouter, permitted
from hedgerow_loyalty.application.queries.get_points import GetPoints


class PointsModel(BaseModel):
    """How many points somebody has."""

    points: int


def loyalty_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries our messages."""
    router = ContextRouter("loyalty")

    @router.get("/points", response_model=PointsModel)
    @permitted("loyalty:points:read")
    async def my_points(caller: Caller) -> PointsModel:
        """Look at your points."""
        return PointsModel(points=await bus.ask(GetPoints(customer_id=caller.subject)))

    return router
