"""Reads points past the domain, in one statement."""

from __future__ import annotations

from typing import final
from uuid import UUID

from sqlalchemy import bindparam, func, select

from hedgerow_core.persistence import Database
from hedgerow_loyalty.infrastructure.tables import rewards

# Index: ix_rewards_customer.
_POINTS = select(func.coalesce(func.sum(rewards.c.points), 0)).where(
    rewards.c.customer_id == bindparam("customer_id")
)


@final
class PostgresPointsReader:
    """The port `PointsReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_customer(self, customer_id: UUID) -> int:
        """Read the sum."""
        async with self._database.reading() as connection:
            return int((await connection.execute(_POINTS, {"customer_id": customer_id})).scalar_one())
