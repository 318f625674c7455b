"""The points of one customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Query
from hedgerow_loyalty.application.ports import PointsReader


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetPoints(Query[int]):
    """How many there are: none for whom nobody knows."""

    customer_id: UUID


@final
class GetPointsHandler:
    """One statement, past the domain."""

    def __init__(self, points: PointsReader) -> None:
        self._points = points

    async def __call__(self, query: GetPoints) -> int:
        """Read them."""
        return await self._points.of_customer(query.customer_id)
