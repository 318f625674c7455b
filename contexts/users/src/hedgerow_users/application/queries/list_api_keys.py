"""The API keys of an account: of whoever asks, or of somebody whom an administrator looks after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final
from uuid import UUID

from hedgerow_core.application import Page, Query
from hedgerow_core.domain import Clock
from hedgerow_users.application.api_key_view import ApiKeyView
from hedgerow_users.application.key_ports import ApiKeyReader


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListApiKeys(Query[Page[ApiKeyView]]):
    """A page of the keys that can be used, the latest first."""

    account_id: UUID
    limit: int
    cursor: str | None = None


@final
class ListApiKeysHandler:
    """One statement."""

    def __init__(self, keys: ApiKeyReader, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def __call__(self, query: ListApiKeys) -> Page[ApiKeyView]:
        """Answer the query.

        Raises:
            ValidationError: the cursor is not one of this list.
        """
        return await self._keys.list_live(
            query.account_id, at=self._clock.now(), cursor=query.cursor, limit=query.limit
        )
