"""What the use cases need from PostgreSQL: a repository, the unit of work, a reader."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from hedgerow_core.application import UnitOfWork
from hedgerow_loyalty.domain.reward import Reward


class RewardRepository(Protocol):
    """Loads and saves rewards, inside the transaction of a unit of work."""

    async def of_invoice(self, invoice_id: UUID, customer_id: UUID) -> Reward:
        """The reward of an invoice, locked; a new one if nothing was heard of the invoice yet."""
        ...

    async def save(self, reward: Reward) -> None:
        """Save what has changed."""
        ...


class LoyaltyWork(UnitOfWork, Protocol):
    """One transaction of this context."""

    @property
    def rewards(self) -> RewardRepository:
        """The rewards, in this transaction."""
        ...


class PointsReader(Protocol):
    """Reads points outside any transaction."""

    async def of_customer(self, customer_id: UUID) -> int:
        """What all invoices of a customer have earned."""
        ...
