"""The identities of whoever asks: which providers let them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Page, Query
from hedgerow_users.application.identity_ports import IdentityReader, IdentityView


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListIdentities(Query[Page[IdentityView]]):
    """A page of somebody's identities, the latest first."""

    account_id: UUID
    limit: int
    cursor: str | None = None


@final
class ListIdentitiesHandler:
    """One statement."""

    def __init__(self, identities: IdentityReader) -> None:
        self._identities = identities

    async def __call__(self, query: ListIdentities) -> Page[IdentityView]:
        """Answer the query.

        Raises:
            ValidationError: the cursor is not one of this list.
        """
        return await self._identities.list_of(query.account_id, cursor=query.cursor, limit=query.limit)
