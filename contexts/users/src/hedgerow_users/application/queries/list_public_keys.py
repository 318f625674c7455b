"""The keys with which anybody can check our access tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Query
from hedgerow_users.application.token_ports import PublicKey, PublicKeys


@final
@dataclass(frozen=True, slots=True)
class ListPublicKeys(Query[Sequence[PublicKey]]):
    """All public keys in use. Few by nature, so this list has no pages."""


@final
class ListPublicKeysHandler:
    """Asks the key ring."""

    def __init__(self, keys: PublicKeys) -> None:
        self._keys = keys

    async def __call__(self, _query: ListPublicKeys) -> Sequence[PublicKey]:
        """Answer the query."""
        return await self._keys.published()
