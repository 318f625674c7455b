"""Whether whoever asks has a second factor, and how many recovery codes are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Query
from hedgerow_users.application.second_factor_ports import SecondFactorReader, SecondFactorView


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetSecondFactor(Query[SecondFactorView]):
    """How the factor of an account stands."""

    account_id: UUID


@final
class GetSecondFactorHandler:
    """One statement."""

    def __init__(self, factors: SecondFactorReader) -> None:
        self._factors = factors

    async def __call__(self, query: GetSecondFactor) -> SecondFactorView:
        """Answer the query."""
        return await self._factors.view(query.account_id)
