"""The unit of work: the ledger's, plus our repository."""

from __future__ import annotations

from typing import final

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import Clock
from hedgerow_core.messaging import LedgerWork
from hedgerow_loyalty.infrastructure.published import TRANSLATIONS
from hedgerow_loyalty.infrastructure.repositories import PostgresRewards


@final
class PostgresLoyaltyWork(LedgerWork):
    """The port `LoyaltyWork`."""

    def __init__(self, connection: AsyncConnection, *, context: str, clock: Clock) -> None:
        super().__init__(connection, context=context, clock=clock, translations=TRANSLATIONS)
        self.rewards = PostgresRewards(self)
