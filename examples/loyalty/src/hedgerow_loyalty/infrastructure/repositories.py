"""Loads and saves rewards on the connection of a unit of work."""

from __future__ import annotations

from typing import final
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from hedgerow_core.messaging import LedgerWork
from hedgerow_loyalty.domain.reward import Reward
from hedgerow_loyalty.infrastructure.tables import rewards

# Of two events about one invoice that come at the same time, the second waits here until the first is saved.
_BEGIN = insert(rewards).on_conflict_do_nothing()
_LOCK = select(rewards).where(rewards.c.invoice_id == bindparam("id")).with_for_update()
_SAVE = update(rewards).where(rewards.c.invoice_id == bindparam("id"))


@final
class PostgresRewards:
    """The port `RewardRepository`."""

    def __init__(self, work: LedgerWork) -> None:
        self._work = work

    async def of_invoice(self, invoice_id: UUID, customer_id: UUID) -> Reward:
        """Make sure that there is a row, and lock it."""
        nothing = {"paid": 0, "given_back": 0, "points": 0, "version": 0}
        new = {"invoice_id": invoice_id, "customer_id": customer_id, **nothing}
        await self._work.connection.execute(_BEGIN, new)
        row = (await self._work.connection.execute(_LOCK, {"id": invoice_id})).one()
        return Reward(
            row.invoice_id,
            customer_id=row.customer_id,
            paid=row.paid,
            given_back=row.given_back,
            version=row.version,
        )

    async def save(self, reward: Reward) -> None:
        """Update the row, and hand the reward's events to the unit of work."""
        version = reward.version + 1
        await self._work.connection.execute(
            _SAVE,
            {
                "id": reward.id,
                "paid": reward.paid,
                "given_back": reward.given_back,
                "points": reward.points,
                "version": version,
            },
        )
        self._work.saved(reward, version=version)
